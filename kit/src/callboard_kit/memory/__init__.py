"""Long-term memory: facts, preferences and decisions that outlive a run, by person, team or agent.

`kept` is what is remembered, `store` where, `activities` how a workflow gets at it, `tools` what a model is given to
remember, recall and forget with, and `source` how it becomes a part of a context.
"""
