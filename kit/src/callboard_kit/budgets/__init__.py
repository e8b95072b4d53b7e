"""Budgets: what a tree of calls may spend, how that is shared out, and what a team may spend in a day or a month.

`sharing` holds what one run may spend and lends parts of it to whatever it calls; `telling` carries back what was
spent; `blocks` takes parts of a team's budgets from the registry before its models are asked; `granting` asks a
person for more.
"""
