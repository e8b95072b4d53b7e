"""Dry runs: work that is done to see what would be done, and in which nothing that has an effect is done.

Whether a call is one stands in its token, so that nobody below can forget it. An operation that promises only to read
is carried out; any other is judged and validated like a real one, and then ends with `DryRunError` instead of having
its effect. So does an activity, unless it is declared to change nothing:

    @reads
    @activity.defn
    def look_at_order(look: Look) -> Seen: ...
"""

from collections.abc import Callable
from typing import Final, TypeVar

from callboard_contracts import MeshError

ROOT: Final = "shadow-"
"""What the id of a tree of copies begins with."""

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
