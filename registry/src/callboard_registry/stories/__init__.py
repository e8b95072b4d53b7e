"""What happened inside of runs, as Temporal's histories tell it: kept beside the call records, and as long as they are.

A call record says who called what and how it ended. A story says what was said and done in between, and why.
"""
