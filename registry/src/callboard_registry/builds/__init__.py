"""Builds that teams vouch for: which fingerprints the agents of each have."""

from callboard_registry.builds.service import Builds

__all__ = ["Builds"]
