"""The local stack: every process of a mesh on one machine, for development, tests and the demo."""
