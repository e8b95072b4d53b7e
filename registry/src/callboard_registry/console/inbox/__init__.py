"""The inbox: what waits for the person who is signed in, and their answers."""
