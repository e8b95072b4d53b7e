"""The observer: the process that looks at Temporal on the registry's behalf, `python -m callboard_registry.observer`.

The registry knows what teams promise; what really runs is known to Temporal. This process asks Temporal, again and
again, and writes down what it sees in the registry's database, of which it is a second user. The registry goes on
without it, and says how old what it knows is.
"""
