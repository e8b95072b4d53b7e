"""Turns an agent into a member of the mesh."""
