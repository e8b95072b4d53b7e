"""Builds of an agent that are tried beside the one that serves."""
