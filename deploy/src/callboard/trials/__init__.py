"""How a person conducts experiments and shadows: what may begin, how it goes, and how it is shown."""
