"""Guards: what is looked at before a model is asked, after it has answered, and before anything is done.

A guard lets pass, refuses with a reason, or has a person asked. One that fails, takes too long or cannot be evaluated
blocks: none ever lets through what it could not judge.
"""

from callboard_kit.guards.contexts import Answering, Asking, Called, Doing, Heard
from callboard_kit.guards.declaring import AfterModel, BeforeEffect, BeforeModel, ByActivity, Guard, GuardError, Judge
from callboard_kit.guards.requiring import require
from callboard_kit.guards.verdicts import PASS, Ruling, Verdict, ask, refuse

__all__ = [
    "PASS",
    "AfterModel",
    "Answering",
    "Asking",
    "BeforeEffect",
    "BeforeModel",
    "ByActivity",
    "Called",
    "Doing",
    "Guard",
    "GuardError",
    "Heard",
    "Judge",
    "Ruling",
    "Verdict",
    "ask",
    "refuse",
    "require",
]
