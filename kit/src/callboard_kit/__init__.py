"""Turns an agent into a member of the mesh: one plugin for Temporal, and one call that serves a team.

Names are looked up when they are first used: the registry and the command need keys and settings of the kit, and
should not wait for Temporal's client to be loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from callboard_kit import mesh
    from callboard_kit.limits import Limits
    from callboard_kit.plugin import MeshPlugin
    from callboard_kit.policy import Policy, Rule
    from callboard_kit.serving import serve
    from callboard_kit.settings import Settings
    from callboard_kit.tokens import Call, Origin

__all__ = ["Call", "Limits", "MeshPlugin", "Origin", "Policy", "Rule", "Settings", "mesh", "serve"]

_MODULE_OF: Final = {
    "Call": "tokens",
    "Limits": "tokens",
    "MeshPlugin": "plugin",
    "Origin": "tokens",
    "Policy": "policy",
    "Rule": "policy",
    "Settings": "settings",
    "serve": "serving",
}


def __getattr__(name: str) -> object:
    """Load the module that owns `name` (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
