"""Faults that are injected on request, the same ones in every run with the same seed."""

import hashlib
import json
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from callboard.offline_model.wire import Reply


class Kind(StrEnum):
    """What can be made to go wrong."""

    RATE_LIMITED = "rate_limited"
    """Status 429 with a `Retry-After` header."""

    SERVER_ERROR = "server_error"
    """Status 500."""

    SLOW = "slow"
    """The answer comes late."""

    MALFORMED_ARGUMENTS = "malformed_arguments"
    """The arguments of one tool call are not JSON."""

    BROKEN_STREAM = "broken_stream"
    """The connection is closed in the middle of a stream."""

    ENDED_STREAM = "ended_stream"
    """The stream ends in order, but before the answer does: no finish reason, no `[DONE]`."""

    SILENT = "silent"
    """Nothing comes, for so long that nobody waits for it."""

    MISFIT_ARGUMENTS = "misfit_arguments"
    """The arguments of one tool call are JSON, and not what its schema asks for."""


class FaultPlan(BaseModel):
    """How often each fault strikes.

    Whether one strikes is decided by the seed, the request's key and the number
    of the attempt, never by the clock or by what else is asked meanwhile.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    """Another seed, another run of luck."""

    rates: Mapping[Kind, float] = Field(default_factory=dict[Kind, float])
    """The share of attempts each kind strikes, from 0 to 1; tried in the order of `Kind`, one strikes at most."""

    attempts: int | None = None
    """Faults strike only the first so many attempts of a request; None means every attempt."""

    match: str = ""
    """Only conversations whose first user message holds this text are struck; empty means all."""

    retry_after_seconds: float = Field(default=1.0, ge=0)
    """What the `Retry-After` header of a 429 says."""

    slow_seconds: float = Field(default=2.0, ge=0)
    """How late a slow answer is."""

    silent_seconds: float = Field(default=30.0, ge=0)
    """How long nothing comes of a silent one."""

    def decide(self, key: str, attempt: int, words: str) -> Kind | None:
        """Tell which fault strikes this attempt, if any. The first attempt is number 1."""
        if self.match not in words or (self.attempts is not None and attempt > self.attempts):
            return None
        return next(
            (kind for kind in Kind if self.luck(key, attempt, kind) < self.rates.get(kind, 0.0)),
            None,
        )

    def luck(self, key: str, attempt: int, kind: str) -> float:
        """Draw a number from 0 up to 1 that is always the same for the same things."""
        drawn = hashlib.sha256(f"{self.seed}\n{key}\n{attempt}\n{kind}".encode()).digest()
        return int.from_bytes(drawn[:7]) / 2**56


MISFIT: Final[Mapping[str, bool]] = {"misfit": True}
"""What stands in the place of arguments that are to break their schema."""


def misfit(reply: Reply, luck: float, *, demanding: Collection[str]) -> Reply:
    """Put arguments that break the schema into one call of a tool that is `demanding`: it requires some."""
    places = [place for place, call in enumerate(reply.calls) if call.function.name in demanding]
    if not places:
        return reply
    return _with_arguments(reply, places[int(luck * 1_000_003) % len(places)], json.dumps(dict(MISFIT)))


def spoil(reply: Reply, luck: float) -> Reply:
    """Cut off the arguments of one tool call, so that they are not JSON any more."""
    if not reply.calls:
        return reply
    chosen = int(luck * 1_000_003) % len(reply.calls)
    return _with_arguments(reply, chosen, reply.calls[chosen].function.arguments[:-1] + ', "')


def _with_arguments(reply: Reply, chosen: int, arguments: str) -> Reply:
    call = reply.calls[chosen]
    other = call.function.model_copy(update={"arguments": arguments})
    spoilt = call.model_copy(update={"function": other})
    return reply.model_copy(update={"calls": (*reply.calls[:chosen], spoilt, *reply.calls[chosen + 1 :])})
