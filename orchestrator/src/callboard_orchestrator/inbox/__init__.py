"""The inbox: questions of all teams that wait for a person, in a namespace of its own."""
