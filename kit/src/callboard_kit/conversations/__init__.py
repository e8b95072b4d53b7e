"""Conversations: long-lived workflows that one speaks with.

`talk` is what the workflow does, `counter` what the Nexus handlers do, `history` where what was said is kept, and
`specialists` how a conversation goes to another team and back.
"""
