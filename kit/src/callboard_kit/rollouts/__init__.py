"""Rollouts: which of a team's builds gets how much of its new work, on Temporal's own Worker Versioning.

A build is a version of the team's worker deployment. What is kept of a rollout is kept by Temporal: which build is
current, which one is ramping and how far, in the deployment; and who advances it by itself, in a workflow of the team.
"""
