"""Hooks: what a team has called around an agent's model calls, tools, delegations and approvals, in named groups."""

from callboard_kit.hooks.declaring import Hook, HookConfigurationError, HookGroup, HookGroups, Stop
from callboard_kit.hooks.seen import (
    ApprovalAnswered,
    ApprovalAsked,
    Line,
    ModelAnswered,
    ModelAsked,
    Moment,
    ToolAnswered,
    ToolAsked,
    WantedCall,
)

__all__ = [
    "ApprovalAnswered",
    "ApprovalAsked",
    "Hook",
    "HookConfigurationError",
    "HookGroup",
    "HookGroups",
    "Line",
    "ModelAnswered",
    "ModelAsked",
    "Moment",
    "Stop",
    "ToolAnswered",
    "ToolAsked",
    "WantedCall",
]
