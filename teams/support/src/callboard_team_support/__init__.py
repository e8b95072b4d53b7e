"""Talks to the customer."""
