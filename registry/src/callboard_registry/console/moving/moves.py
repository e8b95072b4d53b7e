"""Which moves a person may make with a revision, what each is called, and what a form says about one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from callboard_registry.console.signin.visits import Visit
from callboard_registry.life import Author, Move, ways
from callboard_registry.refusals import Refusal
from callboard_registry.registry import Registry
from callboard_registry_api.model import Listing, State

_CALLED: Final[Mapping[State, str]] = {
    "draft": "Send back",
    "pending": "Ask for approval",
    "approved": "Approve",
    "deprecated": "Deprecate",
    "retired": "Retire",
    "revoked": "Revoke",
}
_BACK: Final[Mapping[tuple[State, State], str]] = {
    ("deprecated", "approved"): "Take the deprecation back",
    ("retired", "deprecated"): "Answer calls again",
    ("draft", "retired"): "Discard",
}
_MEANS: Final[Mapping[State, str]] = {
    "draft": "It is a draft again, and nobody's promise. Its team changes it and publishes another one.",
    "pending": "Whoever approves is shown that it waits. Nothing changes for callers.",
    "approved": "It is in force: callers may rely on it, and what comes after it must not break them.",
    "deprecated": "It goes on answering. Whoever calls it is told that it goes, when, and what to call instead.",
    "retired": "Calls of it are refused from now on.",
    "revoked": "Calls of it are refused, and it never comes back: that is for what must not be called again.",
}


@dataclass(frozen=True)
class Way:
    """A move that may be made."""

    state: State
    title: str
    means: str

    @property
    def is_loud(self) -> bool:
        """Whether callers are refused after it."""
        return self.state in ("retired", "revoked")


def author_of(registry: Registry, visit: Visit, listing: Listing) -> Author | None:
    """Return as whom a person may move this revision; None: as nobody.

    An administrator may make every move that there is. Who publishes for the team may make the team's own; who
    publishes for a team that approves others' may approve, but for what they could have published themselves.
    """
    person = visit.visitor
    if person is None:
        return None
    if person.may("administrator", listing.team):
        return registry.person(person.name, team=None)
    if person.may("publisher", listing.team):
        return registry.person(person.name, team=listing.team)
    team = next((each for each in sorted(registry.approvers) if person.may("publisher", each)), None)
    return None if team is None else registry.person(person.name, team=team)


def open_ways(listing: Listing, author: Author | None) -> list[Way]:
    """Return the moves that somebody may make with a revision, in the order of its life."""
    if author is None:
        return []
    return [
        Way(state, _BACK.get((listing.state, state), _CALLED[state]), _MEANS[state]) for state in ways(listing, author)
    ]


def move_sent(listing: Listing, state: State, visit: Visit) -> Move:
    """Return the move that a form asks for.

    Raises:
        Refusal: It says something that cannot be.
    """
    day, successor = visit.text("sunset").strip(), visit.text("successor").strip()
    return Move(
        service=listing.service,
        digest=listing.digest,
        state=state,
        etag=visit.text("etag"),
        sunset=_sunset(day) if day and state == "deprecated" else None,
        successor=successor if state in ("deprecated", "retired", "revoked") else "",
        reason=visit.text("reason").strip(),
        force=bool(visit.text("force")),
        override=bool(visit.text("override")),
    )


def _sunset(day: str) -> datetime:
    try:
        found = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise Refusal("invalid", "sunset", f"{day!r} is no day; write it as in 2027-03-31") from error
    if found <= datetime.now(UTC):
        raise Refusal("invalid", "sunset", f"{day} is over; a sunset lies ahead")
    return found
