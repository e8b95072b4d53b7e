"""What was found out about a revision: may it take the place of those that are in force?

Each class here has the fields of its message in `v1/registry.proto`, which says what they mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from google.protobuf.timestamp_pb2 import Timestamp

from callboard_registry_api.connection import Connection
from callboard_registry_api.v1 import registry_pb2 as pb

Answer = Literal["compatible", "incompatible", "unknown"]
"""Whether one revision may take the place of others."""

Level = Literal["last", "all"]
"""With which revisions in force a new one is compared: the newest, or every one."""

ANSWERS: Final[Mapping[Answer, pb.CompatibilityAnswer]] = {
    "compatible": pb.COMPATIBILITY_ANSWER_COMPATIBLE,
    "incompatible": pb.COMPATIBILITY_ANSWER_INCOMPATIBLE,
    "unknown": pb.COMPATIBILITY_ANSWER_UNKNOWN,
}
"""Every answer with its number on the wire."""

LEVELS: Final[Mapping[Level, pb.CompatibilityLevel]] = {
    "last": pb.COMPATIBILITY_LEVEL_LAST,
    "all": pb.COMPATIBILITY_LEVEL_ALL,
}
"""Every level with its number on the wire."""

_ANSWER_OF: Final[Mapping[int, Answer]] = {int(number): answer for answer, number in ANSWERS.items()}
_LEVEL_OF: Final[Mapping[int, Level]] = {int(number): level for level, number in LEVELS.items()}


def level_of(number: int) -> Level | None:
    """Return the level with this number on the wire; None for the one that is not said.

    Raises:
        ValueError: No level has this number.
    """
    if number and number not in _LEVEL_OF:
        raise ValueError(f"no level has the number {number!r}, use one of {tuple(LEVELS)!r}")
    return _LEVEL_OF.get(number)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that breaks callers, that could not be decided, or that somebody may miss."""

    part: str
    """`input`, `output`, `promise`, `service` or `policy`."""

    rule: str
    sentence: str
    operation: str = ""
    pointer: str = ""
    place: str = ""
    counterexample: str = ""
    """JSON of a document that one side sends and the other refuses; empty when there is none."""

    base: str = ""

    def __str__(self) -> str:
        """Return it on one line, for people."""
        about = self.operation or "the service"
        where = f"{about}, {self.part}" if self.part in ("input", "output") else about
        return f"{where}: {self.sentence}"

    @classmethod
    def from_message(cls, message: pb.Finding) -> "Finding":
        """Read a finding off the wire."""
        return cls(
            operation=message.operation,
            part=message.part,
            rule=message.rule,
            pointer=message.pointer,
            place=message.place,
            sentence=message.sentence,
            counterexample=message.counterexample.decode(errors="replace"),
            base=message.base,
        )

    def to_message(self) -> pb.Finding:
        """Return the finding as it goes over the wire."""
        return pb.Finding(
            operation=self.operation,
            part=self.part,
            rule=self.rule,
            pointer=self.pointer,
            place=self.place,
            sentence=self.sentence,
            counterexample=self.counterexample.encode(),
            base=self.base,
        )


@dataclass(frozen=True, kw_only=True)
class Override:
    """Who approved a revision although it was not known whether it breaks callers, and why."""

    author: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class AffectedTeam:
    """A team that a change concerns."""

    team: str
    operations: tuple[str, ...] = ()
    declared: bool = False
    calls: int = 0
    last: datetime | None = None

    def __str__(self) -> str:
        """Return it on one line, for people."""
        if self.last is None:
            return f"{self.team} (says that it calls the service, was not seen to)"
        calls = "call" if self.calls == 1 else "calls"
        said = "" if self.declared else ", undeclared"
        return f"{self.team} ({', '.join(self.operations)}: {self.calls} {calls}, last {self.last:%Y-%m-%d}{said})"

    @classmethod
    def from_message(cls, message: pb.AffectedTeam) -> "AffectedTeam":
        """Read a team off the wire."""
        return cls(
            team=message.team,
            operations=tuple(message.operations),
            declared=message.declared,
            calls=message.calls,
            last=_moment(message.last) if message.HasField("last") else None,
        )

    def to_message(self) -> pb.AffectedTeam:
        """Return the team as it goes over the wire."""
        return pb.AffectedTeam(
            team=self.team, operations=self.operations, declared=self.declared, calls=self.calls, last=self.last
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found out about a revision."""

    answer: Answer
    bases: tuple[str, ...] = ()
    level: Level = "last"
    strict: bool = False
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    revision: str = ""
    next_service: str = ""
    judged: datetime = field(default=datetime.fromtimestamp(0, UTC))
    override: Override | None = None
    affected: tuple[AffectedTeam, ...] = ()

    @classmethod
    def from_message(cls, message: pb.Verdict) -> "Verdict":
        """Read a verdict off the wire."""
        override = message.override
        return cls(
            # What only a newer registry says is not known here.
            answer=_ANSWER_OF.get(message.answer, "unknown"),
            bases=tuple(message.bases),
            level=_LEVEL_OF.get(message.level, "last"),
            strict=message.strict,
            findings=tuple(map(Finding.from_message, message.findings)),
            warnings=tuple(map(Finding.from_message, message.warnings)),
            revision=message.revision,
            next_service=message.next_service,
            judged=_moment(message.judged),
            override=Override(author=override.author, reason=override.reason, at=_moment(override.at))
            if message.HasField("override")
            else None,
            affected=tuple(map(AffectedTeam.from_message, message.affected)),
        )

    def to_message(self) -> pb.Verdict:
        """Return the verdict as it goes over the wire."""
        message = pb.Verdict(
            answer=ANSWERS[self.answer],
            bases=self.bases,
            level=LEVELS[self.level],
            strict=self.strict,
            findings=[each.to_message() for each in self.findings],
            warnings=[each.to_message() for each in self.warnings],
            revision=self.revision,
            next_service=self.next_service,
            judged=_timestamp(self.judged),
            affected=[each.to_message() for each in self.affected],
        )
        if self.override is not None:
            at = _timestamp(self.override.at)
            message.override.CopyFrom(
                pb.VerdictOverride(author=self.override.author, reason=self.override.reason, at=at)
            )
        return message


class CompatibilityClient:
    """The call that compares listings: `client.compatibility`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def compare(
        self,
        service: str = "",
        *,
        from_digest: str = "",
        to_digest: str = "",
        document: bytes = b"",
        level: Level | None = None,
        strict: bool | None = None,
    ) -> Verdict:
        """Say what would become of callers if one revision took the place of others. Keeps nothing.

        Args:
            service: The service; taken from the document when there is one.
            from_digest: The earlier revision; by default those in force, as when publishing.
            to_digest: The later revision; by default the document, and without one the newest revision.
            document: A description (JSON) that need not be published.
            level: With which of those in force; by default as the registry is set for the team.
            strict: Whether writers may send what they do not declare; by default as the registry is set for the team.
        """
        request = pb.CompareListingsRequest(
            service=service,
            from_digest=from_digest,
            to_digest=to_digest,
            document=document,
            level=LEVELS[level] if level else pb.COMPATIBILITY_LEVEL_UNSPECIFIED,
            strict=strict,
        )
        response = await self._connection.call("CompareListings", request, pb.CompareListingsResponse)
        return Verdict.from_message(response.verdict)


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)
