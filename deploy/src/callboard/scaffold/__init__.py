"""Makes the room of a new team: its contract, its furniture, and its place on the lists that name every room."""
