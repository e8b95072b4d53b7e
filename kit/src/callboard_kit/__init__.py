"""Turns an agent into a member of the mesh: one plugin for Temporal, and one call that serves a team."""

from callboard_kit import mesh
from callboard_kit.plugin import MeshPlugin
from callboard_kit.policy import Policy, Rule
from callboard_kit.serving import serve
from callboard_kit.settings import Settings
from callboard_kit.tokens import Call, Limits, Origin

__all__ = ["Call", "Limits", "MeshPlugin", "Origin", "Policy", "Rule", "Settings", "mesh", "serve"]
