"""The audit: call records derived from Temporal's own histories.

Teams tell of their calls as they happen, off the calls' path, and a report may be lost. What Temporal keeps is not:
every Nexus operation stands in the history of the workflow that called it, and the work behind it in a history of the
team that was called. This package reads both, namespace by namespace, and adds the records that nobody reported.
"""
