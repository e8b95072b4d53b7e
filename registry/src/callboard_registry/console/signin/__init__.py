"""Signing in and out as pages, and the guard before every other page."""
