"""Events that a follower could not handle: kept with the reason, looked at, and put back into the feed.

An event leaves its feed in the transaction that puts it here, and leaves here in the one that puts it back, so it is
always in exactly one of the two, whatever dies in between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from redis.exceptions import WatchError

from callboard_kit.processing.model import dead_of, feed_of

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

LONGEST_REASON: Final = 500
_MARK: Final = "dead-"
"""What the names of the fields begin with that are no part of the event itself."""

_PAGE: Final = 500


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that could not be handled."""

    id: str
    """Its id among the dead letters."""

    publisher: str
    reason: str
    tries: int
    """How often it was tried since it last came into the feed."""

    died: datetime
    fields: Mapping[str, str]
    """The entry as it stood in the feed, readable as an event or not."""

    @property
    def event(self) -> str:
        """The event's own id. Empty: it had none."""
        return self.fields.get("id", "")

    @property
    def entry(self) -> str:
        """The id under which it stood in the feed when it was first delivered."""
        return self.fields.get("entry", "")

    @property
    def redriven(self) -> int:
        """How often it was put back before."""
        text = self.fields.get("redriven", "0")
        return int(text) if text.isdigit() else 0


def bury(
    pipe: "Pipeline", publisher: str, follower: str, fields: Mapping[str, str], *, reason: str, tries: int
) -> None:
    """Add an event to the dead letters, as a part of a transaction."""
    told = {"reason": reason[:LONGEST_REASON], "tries": str(tries), "died": datetime.now(UTC).isoformat()}
    pipe.xadd(dead_of(publisher, follower), {**fields, **{_MARK + name: value for name, value in told.items()}})


async def bury_once(
    redis: "Redis", publisher: str, follower: str, fields: Mapping[str, str], *, reason: str, tries: int
) -> None:
    """Add an event to the dead letters, unless it is there: for whoever may do so again without knowing."""
    place = dead_of(publisher, follower)
    while True:
        async with redis.pipeline(transaction=True) as pipe:
            try:
                await pipe.watch(place)
                there = [fields_of for _, fields_of in await _entries(pipe, place)]
                if any(_same(each, fields) for each in there):
                    return
                pipe.multi()
                bury(pipe, publisher, follower, fields, reason=reason, tries=tries)
                await pipe.execute()
            except WatchError:
                continue
            return


async def dead_letters(redis: "Redis", publisher: str, follower: str) -> Sequence[DeadLetter]:
    """Return all that one follower could not handle of a team's events, oldest first."""
    found = await _entries(redis, dead_of(publisher, follower))
    return [_letter(id, publisher, fields) for id, fields in found]


async def redrive(redis: "Redis", follower: str, letter: DeadLetter) -> bool:
    """Put an event back at the end of its feed; False when somebody else did so meanwhile."""
    place = dead_of(letter.publisher, follower)
    while True:
        async with redis.pipeline(transaction=True) as pipe:
            try:
                await pipe.watch(place)
                if not await pipe.xrange(place, letter.id, letter.id):
                    return False
                pipe.multi()
                again = {**letter.fields, "redriven": str(letter.redriven + 1)}
                pipe.xadd(feed_of(letter.publisher, follower), {**again})
                pipe.xdel(place, letter.id)
                await pipe.execute()
            except WatchError:
                continue
            return True


async def _entries(redis: "Redis | Pipeline", place: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    start = "-"
    while True:
        page = cast("list[tuple[str, dict[str, str]]]", await redis.xrange(place, start, "+", count=_PAGE))
        found += page
        if len(page) < _PAGE:
            return found
        start = f"({page[-1][0]}"


def _letter(id: str, publisher: str, fields: Mapping[str, str]) -> DeadLetter:
    return DeadLetter(
        id=id,
        publisher=publisher,
        reason=fields[_MARK + "reason"],
        tries=int(fields[_MARK + "tries"]),
        died=datetime.fromisoformat(fields[_MARK + "died"]),
        fields={name: value for name, value in fields.items() if not name.startswith(_MARK)},
    )


def _same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one.get(name) == other.get(name) for name in ("id", "redriven"))
