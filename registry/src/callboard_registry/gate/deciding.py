"""What follows from a verdict: what is not published, and what is approved by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from callboard_registry.life import Author, Move
from callboard_registry.refusals import Refusal
from callboard_registry_api.model import Listing
from callboard_registry_api.verdicts import Finding, Override, Verdict

_SHOWN: Final = 5
"""How many teams are named in one line."""


class OvertakenError(Exception):
    """Another revision came into force, or went, while one was being judged; judge again."""


@dataclass(frozen=True)
class Judgement:
    """What was found out about a revision, and when that holds."""

    verdict: Verdict
    in_force: frozenset[str]
    """Digests of all revisions that were in force."""


def require_publishable(service: str, verdict: Verdict) -> None:
    """Do nothing if a new revision with this verdict may be held, as a draft at least.

    Raises:
        Refusal: It provably breaks callers of what is in force.
    """
    if verdict.answer == "incompatible":
        raise Refusal(
            "conflict",
            "document",
            f"this would break callers of {service!r}: {_told(verdict.findings)}; {_concerned(verdict)}publish it as "
            f"{verdict.next_service!r}, or take that change back (`callboard contracts check {service}` shows all)",
            findings=verdict.findings,
        )


def overriding(verdict: Verdict, held: Listing, move: Move, author: Author) -> Override | None:
    """Return what is to be kept of an approval against a verdict; None when it needs nothing of the kind.

    Raises:
        Refusal: A revision with this verdict is not approved, or not like this.
    """
    if verdict.answer == "incompatible":
        raise Refusal(
            "conflict",
            "state",
            f"since {held.service!r} {held.digest[:19]} was published, others came into force, and it would break "
            f"their callers: {_told(verdict.findings)}; publish it as {verdict.next_service!r}, or take it back",
            findings=verdict.findings,
        )
    if verdict.answer == "compatible":
        if move.override:
            raise Refusal("invalid", "override", "nothing is in doubt here; approve it without override")
        return None
    if not move.override:
        raise Refusal(
            "conflict",
            "override",
            f"it is not known whether {held.service!r} {held.digest[:19]} breaks callers: {_told(verdict.findings)}; "
            "whoever knows that it does not approves it with override and a reason",
            findings=verdict.findings,
        )
    if not move.reason.strip():
        raise Refusal("invalid", "reason", "an override needs a reason, which is kept with the revision")
    return Override(author=str(author), reason=move.reason, at=datetime.now(UTC))


def _concerned(verdict: Verdict) -> str:
    shown = ", ".join(map(str, verdict.affected[:_SHOWN]))
    more = len(verdict.affected) - _SHOWN
    return f"it concerns {shown}{f' and {more} more' if more > 0 else ''}; " if shown else ""


def _told(findings: Sequence[Finding]) -> str:
    first, more = findings[0], len(findings) - 1
    example = f", for example {first.counterexample}" if 0 < len(first.counterexample) <= 300 else ""
    return f"{first}{example}" + (f"; and {more} more" if more else "")
