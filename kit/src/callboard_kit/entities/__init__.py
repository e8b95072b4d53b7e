"""One at a time on a record: locks for the entities that operations with effects act on.

| module | what it owns |
|---|---|
| `naming` | which entities an input names, and what their locks are called |
| `chain` | what a chain of tokens proves about who holds what |
| `messages` | what a lock and those who come to it say to each other |
| `lock` | the workflow that is the lock of one entity |
| `holding` | a run's own side: take before the work, wait, give back after it |
| `keeping` | the activities through which a run and a lock reach Temporal |
| `deadlocks` | how waiters of several teams find out that they wait for each other |
| `viewing` | who holds what and who waits, for people |
"""
