"""Dry runs: work that is done to see what would be done, and in which nothing that has an effect is done.

Whether a call is one stands in its token, so that nobody below can forget it. An operation that promises only to read
is carried out; any other is judged and validated like a real one, and then ends with `DryRunError` instead of having
its effect. So does an activity, unless it is declared to change nothing:

    @reads
    @activity.defn
    def look_at_order(look: Look) -> Seen: ...
"""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeVar

from temporalio.api.common.v1 import Payload

from callboard_contracts import MeshError
from callboard_kit.bound import bound

ROOT: Final = "shadow-"
"""What the id of a tree of copies begins with."""

HEADER: Final = "callboard-dry"
"""The Temporal header that tells an activity of a dry run what it is."""

REPEAT: Final = "callboard.repeat"
"""The activity that tells what the run that is copied was answered when it called another team."""

_READS: Final = "__callboard_reads__"

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


class DryRunError(MeshError):
    """This was a dry run, so it was not done."""


def reads(function: FunctionT) -> FunctionT:
    """Declare that an activity changes nothing, so that a dry run may carry it out.

    What it writes to Temporal, to a store or to anybody's system would be an effect of a run that must have none.
    """
    setattr(function, _READS, True)
    return function


def is_read(function: object) -> bool:
    """Tell whether an activity was declared with `reads`."""
    return getattr(function, _READS, False) is True


_reading: Final[ContextVar[bool]] = ContextVar("callboard_reading", default=False)


@contextmanager
def reading(*, only: bool) -> Generator[None]:
    """Declare that activities which are started in this block change nothing, if they `only` read."""
    with bound(_reading, only):
        yield


@dataclass(frozen=True)
class Note:
    """What an activity of a dry run is told."""

    nth: int = 0
    """How often the run has asked for just this before."""

    reads: bool = False
    """Whether whoever starts it declares that it changes nothing."""

    @classmethod
    def here(cls, nth: int) -> "Note":
        """Return the note of an activity that is started here."""
        return cls(nth, _reading.get())

    @classmethod
    def read(cls, headers: Mapping[str, Payload]) -> "Note":
        """Return the note that headers hold; that of an activity nobody says anything of when they hold none."""
        payload = headers.get(HEADER)
        return cls() if payload is None else cls(*json.loads(payload.data))

    def payload(self) -> Payload:
        """Return it as the header has it."""
        return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps([self.nth, self.reads]).encode())
