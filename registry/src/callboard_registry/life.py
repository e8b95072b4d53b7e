"""The life of a revision: where it may go from where it is, and who may send it there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from callboard_registry.refusals import Refusal
from callboard_registry_api.model import Listing, State

LONGEST_REASON: Final = 1000
"""Characters that a reason may have."""

ANSWERING: Final[tuple[State, ...]] = ("draft", "pending", "approved", "deprecated")
"""The states in which calls are answered."""

IN_FORCE: Final[tuple[State, ...]] = ("approved", "deprecated")
"""The states in which a revision binds the next one: its callers are to be kept."""

_NEXT: Final[Mapping[State, frozenset[State]]] = {
    "draft": frozenset({"pending", "approved", "retired", "revoked"}),
    "pending": frozenset({"draft", "approved", "revoked"}),
    "approved": frozenset({"deprecated", "revoked"}),
    "deprecated": frozenset({"approved", "retired", "revoked"}),
    "retired": frozenset({"deprecated", "revoked"}),
    "revoked": frozenset(),
}
"""Where a revision may go. What was revoked never comes back: publish a better one."""

_BY_ITS_TEAM: Final = frozenset(
    {
        ("draft", "pending"),
        ("draft", "retired"),
        ("pending", "draft"),
        ("approved", "deprecated"),
        ("deprecated", "retired"),
        *((state, "revoked") for state in _NEXT),
    }
)
_BY_APPROVERS: Final = frozenset(
    {("draft", "approved"), ("pending", "approved"), ("pending", "draft"), *((state, "revoked") for state in _NEXT)}
)


@dataclass(frozen=True)
class Author:
    """Who moves a revision: the administrator, a team that has proved itself, or the registry by its settings."""

    team: str | None
    """None for the administrator and the registry, who may make every move that there is."""

    approver: bool = False
    """Whether this team approves what other teams publish."""

    automatic: bool = False
    """Whether it is the registry itself."""

    person: str = ""
    """Who it is, if a person moves it who is signed in: for their team, or as an administrator."""

    def __str__(self) -> str:
        """Return what is written down."""
        name = "registry" if self.automatic else self.team or "administrator"
        return f"{self.person} ({name})" if self.person else name


@dataclass(frozen=True, kw_only=True)
class Move:
    """One step in the life of a revision, as it was asked for."""

    service: str
    digest: str
    state: State
    etag: str = ""
    """What the mover had seen; empty when it does not matter."""

    sunset: datetime | None = None
    successor: str = ""
    reason: str = ""
    force: bool = False
    override: bool = False
    """Approve although it is not known whether it breaks callers."""

    def after(self, held: Listing) -> tuple[datetime | None, str]:
        """Return the sunset and the successor that the revision has when it has been moved."""
        if self.state not in ("deprecated", "retired", "revoked"):
            return None, ""
        sunset = self.sunset if self.sunset is not None else held.sunset
        return sunset, self.successor or held.successor


def ways(held: Listing, author: Author) -> list[State]:
    """Return where `author` may move a revision to from where it is."""
    found: list[State] = []
    for state in sorted(_NEXT[held.state], key=list(_NEXT).index):
        try:
            _require_right(Move(service=held.service, digest=held.digest, state=state, etag=held.etag), held, author)
        except Refusal:
            continue
        found.append(state)
    return found


def require_move(move: Move, held: Listing, author: Author) -> None:
    """Do nothing if `author` may make this move from where the revision is.

    Raises:
        Refusal: They may not, the revision was moved since it was looked at, or its life does not go this way.
    """
    if move.etag and move.etag != held.etag:
        raise Refusal(
            "conflict",
            "etag",
            f"{held.service!r} was changed since you looked, it is {held.state} now; look again and decide again",
        )
    require_reason(move.reason)
    _require_right(move, held, author)
    if move.state != held.state and move.state not in _NEXT[held.state]:
        ways = " or ".join(sorted(_NEXT[held.state]))
        raise Refusal(
            "conflict",
            "state",
            f"{held.service!r} is {held.state} and cannot become {move.state}; "
            + (f"it can become {ways}" if ways else "that is for ever, publish another revision"),
        )
    if move.sunset is not None and move.state != "deprecated":
        raise Refusal("invalid", "sunset", f"a sunset is for what is deprecated, not for what is {move.state}")
    if move.successor and move.state not in ("deprecated", "retired", "revoked"):
        raise Refusal("invalid", "successor", f"a successor is for what goes, not for what is {move.state}")
    if move.successor == held.service:
        raise Refusal("invalid", "successor", f"{held.service!r} cannot take its own place; name another service")


def require_reason(reason: str) -> None:
    """Do nothing if this can be kept as somebody's reason.

    Raises:
        Refusal: It cannot.
    """
    if len(reason) > LONGEST_REASON or "\x00" in reason:
        raise Refusal("invalid", "reason", f"reason must have at most {LONGEST_REASON} characters, and no NUL")


def _require_right(move: Move, held: Listing, author: Author) -> None:
    if author.team is None:
        return
    if not move.etag:
        # What was signed for one moment must not be sent again at another.
        raise Refusal("invalid", "etag", "a team signs what it saw: send the etag of the listing")
    own = author.team == held.team
    if not own and not author.approver:
        raise Refusal("denied", "service", f"{held.service!r} belongs to {held.team!r}; {author.team!r} signed this")
    # Whoever approves is not who published, also where an approver publishes something itself.
    steps = _BY_ITS_TEAM if own else _BY_APPROVERS
    staying = move.state == held.state and (own or move.state == "approved")
    if (held.state, move.state) in steps or staying:
        return
    if own and move.state == "approved":
        raise Refusal("denied", "state", f"{author.team!r} published this, so somebody else must approve it")
    raise Refusal("denied", "state", f"{author.team!r} may not move this from {held.state} to {move.state}")
