"""What a tree of calls may use up, and how a token says it."""

from typing import Final, cast

from pydantic import ConfigDict, Field, ValidationError

from callboard_contracts import Message
from callboard_kit.identity import InvalidTokenError

MAX_DEPTH: Final = 6
"""Hops that keep both headers within Temporal's 8,192 bytes."""

MOST_CALLS: Final = 10_000
"""Calls of a tree, where nobody says how many it may make."""

NEVER: Final = 1e11
"""A moment that nobody waits for."""

_MOST: Final = 10**15
_LIMITS: Final = ("depth", "fan_out", "steps", "tokens", "cost_usd", "calls", "ends")


class Limits(Message):
    """What a tree of calls may use up. A hop may tighten them for those below it, never loosen."""

    model_config = ConfigDict(extra="forbid")

    depth: int = Field(default=MAX_DEPTH, ge=1, le=MAX_DEPTH)
    """How many calls deep the tree may go; the root's own calls are depth 1."""

    fan_out: int = Field(default=1000, ge=0, le=_MOST)
    """How many calls one workflow of the tree may make."""

    steps: int = Field(default=50, ge=0, le=_MOST)
    """How many rounds of model and tools one agent of the tree may take."""

    tokens: int = Field(default=1_000_000, ge=0, le=_MOST)
    """Model tokens, input and output together."""

    cost_usd: float = Field(default=100.0, ge=0, le=_MOST)
    """US dollars for model calls."""

    calls: int = Field(default=MOST_CALLS, ge=0, le=_MOST)
    """How many calls all of the tree may make."""

    ends: float = Field(default=NEVER, ge=0, le=NEVER)
    """When the tree's time is over, in seconds since the epoch. Absent: when whoever waits for it has stopped."""

    def tightened(self, other: "Limits") -> "Limits":
        """Return the smaller of both in every respect."""
        return Limits.model_validate({name: min(getattr(self, name), getattr(other, name)) for name in _LIMITS})

    def first_raised(self, above: "Limits") -> str | None:
        """Return the name of the first limit that is larger than `above` has it."""
        return next((name for name in _LIMITS if getattr(self, name) > getattr(above, name)), None)

    def to_claim(self) -> list[float]:
        """Return the limits as a token carries them: a list without the usual ones at its end."""
        claim: list[float] = [getattr(self, name) for name in _LIMITS]
        while claim and claim[-1] == Limits.model_fields[_LIMITS[len(claim) - 1]].default:
            claim.pop()
        return claim

    @classmethod
    def from_claim(cls, claim: object) -> "Limits":
        """Read what `to_claim` wrote.

        Raises:
            InvalidTokenError: It is not up to seven numbers within their bounds.
        """
        if not isinstance(claim, list) or len(cast("list[object]", claim)) > len(_LIMITS):
            raise InvalidTokenError("token has no limits")
        try:
            return cls.model_validate(dict(zip(_LIMITS, cast("list[object]", claim), strict=False)), strict=True)
        except ValidationError as error:
            raise InvalidTokenError("token has limits out of bounds") from error
