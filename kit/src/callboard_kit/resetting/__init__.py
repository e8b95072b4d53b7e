"""Takes a run of an agent up again from one of its steps, with other instructions or another model.

Temporal's reset does it: what happened before the step is replayed and not done again.
"""
