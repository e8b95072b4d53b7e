"""Trials: two builds of a team on the same kind of work, so that the better one can be told from the other.

An experiment gives a share of real calls to another build, and keeps each tree of calls, or each record, with its
build. A shadow gives a candidate copies of real calls, in which nothing that has an effect is done. What is in force
stands in a workflow of the team; its workers read it every few seconds.
"""
