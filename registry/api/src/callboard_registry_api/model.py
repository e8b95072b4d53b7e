"""What the registry holds, in plain Python: what clients get back and what the server keeps.

Each class here has the fields of its message in `v1/registry.proto`, which says what they mean. Names of states and
outcomes are lower-case words (`"draft"`) instead of enum numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.verdicts import Finding, Verdict

State = Literal["draft", "pending", "approved", "deprecated", "retired", "revoked"]
"""Where a revision stands in its life."""

Outcome = Literal["started", "ok", "refused", "unavailable", "failed", "cancelled"]
"""How a call ended, or that it has not yet."""

STATES: Final[Mapping[State, pb.ListingState]] = {
    "draft": pb.LISTING_STATE_DRAFT,
    "pending": pb.LISTING_STATE_PENDING,
    "approved": pb.LISTING_STATE_APPROVED,
    "deprecated": pb.LISTING_STATE_DEPRECATED,
    "retired": pb.LISTING_STATE_RETIRED,
    "revoked": pb.LISTING_STATE_REVOKED,
}
"""Every state with its number on the wire."""

OUTCOMES: Final[Mapping[Outcome, pb.CallOutcome]] = {
    "started": pb.CALL_OUTCOME_STARTED,
    "ok": pb.CALL_OUTCOME_OK,
    "refused": pb.CALL_OUTCOME_REFUSED,
    "unavailable": pb.CALL_OUTCOME_UNAVAILABLE,
    "failed": pb.CALL_OUTCOME_FAILED,
    "cancelled": pb.CALL_OUTCOME_CANCELLED,
}
"""Every outcome with its number on the wire."""

ChangeKind = Literal[
    "listing_published",
    "listing_reworded",
    "listing_moved",
    "listing_overridden",
    "policy_published",
    "key_enrolled",
    "key_revoked",
]
"""What kind of thing happened."""

CHANGES: Final[Mapping[ChangeKind, pb.ChangeKind]] = {
    "listing_published": pb.CHANGE_KIND_LISTING_PUBLISHED,
    "listing_reworded": pb.CHANGE_KIND_LISTING_REWORDED,
    "listing_moved": pb.CHANGE_KIND_LISTING_MOVED,
    "listing_overridden": pb.CHANGE_KIND_LISTING_OVERRIDDEN,
    "policy_published": pb.CHANGE_KIND_POLICY_PUBLISHED,
    "key_enrolled": pb.CHANGE_KIND_KEY_ENROLLED,
    "key_revoked": pb.CHANGE_KIND_KEY_REVOKED,
}
"""Every kind of change with its number on the wire."""

_CHANGE_OF: Final[Mapping[int, ChangeKind]] = {int(number): kind for kind, number in CHANGES.items()}
_STATE_OF: Final[Mapping[int, State]] = {int(number): state for state, number in STATES.items()}
_OUTCOME_OF: Final[Mapping[int, Outcome]] = {int(number): outcome for outcome, number in OUTCOMES.items()}


def state_of(number: int) -> State:
    """Return the state with this number on the wire.

    Raises:
        ValueError: No state has this number.
    """
    if number not in _STATE_OF:
        raise ValueError(f"no listing state has the number {number!r}, use one of {tuple(STATES)!r}")
    return _STATE_OF[number]


def outcome_of(number: int) -> Outcome:
    """Return the outcome with this number on the wire.

    Raises:
        ValueError: No outcome has this number.
    """
    if number not in _OUTCOME_OF:
        raise ValueError(f"no call outcome has the number {number!r}, use one of {tuple(OUTCOMES)!r}")
    return _OUTCOME_OF[number]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One revision of a service, named by its digest."""

    service: str
    digest: str
    number: int
    team: str
    state: State
    created: datetime
    document: bytes = b""
    summary: str = ""
    operations: tuple[str, ...] = ()
    etag: str = ""
    sunset: datetime | None = None
    successor: str = ""
    reason: str = ""
    revision: str = ""
    verdict: Verdict | None = None

    @classmethod
    def from_message(cls, message: pb.Listing) -> "Listing":
        """Read a listing off the wire."""
        return cls(
            service=message.service,
            digest=message.digest,
            number=message.number,
            team=message.team,
            state=state_of(message.state),
            created=_moment(message.created),
            document=message.document,
            summary=message.summary,
            operations=tuple(message.operations),
            etag=message.etag,
            sunset=_moment(message.sunset) if message.HasField("sunset") else None,
            successor=message.successor,
            reason=message.reason,
            revision=message.revision,
            verdict=Verdict.from_message(message.verdict) if message.HasField("verdict") else None,
        )

    def to_message(self) -> pb.Listing:
        """Return the listing as it goes over the wire."""
        return pb.Listing(
            service=self.service,
            digest=self.digest,
            number=self.number,
            team=self.team,
            state=STATES[self.state],
            created=_timestamp(self.created),
            document=self.document,
            summary=self.summary,
            operations=self.operations,
            etag=self.etag,
            sunset=None if self.sunset is None else _timestamp(self.sunset),
            successor=self.successor,
            reason=self.reason,
            revision=self.revision,
            verdict=None if self.verdict is None else self.verdict.to_message(),
        )


@dataclass(frozen=True, kw_only=True)
class FoundOperation:
    """One operation of a revision, in short."""

    service: str
    digest: str
    state: State
    team: str
    operation: str
    summary: str
    kind: str
    effect: str
    successor: str = ""

    @classmethod
    def from_message(cls, message: pb.FoundOperation) -> "FoundOperation":
        """Read what was found off the wire."""
        return cls(
            service=message.service,
            digest=message.digest,
            state=state_of(message.state),
            team=message.team,
            operation=message.operation,
            summary=message.summary,
            kind=message.kind,
            effect=message.effect,
            successor=message.successor,
        )

    def to_message(self) -> pb.FoundOperation:
        """Return what was found as it goes over the wire."""
        return pb.FoundOperation(
            service=self.service,
            digest=self.digest,
            state=STATES[self.state],
            team=self.team,
            operation=self.operation,
            summary=self.summary,
            kind=self.kind,
            effect=self.effect,
            successor=self.successor,
        )


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One version of a team's policy."""

    team: str
    version: int
    digest: str
    document: bytes
    created: datetime
    warnings: tuple[Finding, ...] = ()
    """What callers may do no more that the policy before let them do; told when it is published."""

    @classmethod
    def from_message(cls, message: pb.Policy) -> "Policy":
        """Read a policy off the wire."""
        return cls(
            team=message.team,
            version=message.version,
            digest=message.digest,
            document=message.document,
            created=_moment(message.created),
        )

    def to_message(self) -> pb.Policy:
        """Return the policy as it goes over the wire."""
        return pb.Policy(
            team=self.team,
            version=self.version,
            digest=self.digest,
            document=self.document,
            created=_timestamp(self.created),
        )


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """The public half of a key that a team signs with.

    `expires` is None while no other key takes its place, `revoked` None while nobody took it back.
    """

    team: str
    key_id: str
    public_bytes: bytes
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    @classmethod
    def from_message(cls, message: pb.PublicKey) -> "PublicKey":
        """Read a key off the wire."""
        return cls(
            team=message.team,
            key_id=message.key_id,
            public_bytes=message.public_bytes,
            created=_moment(message.created),
            expires=_moment(message.expires) if message.HasField("expires") else None,
            revoked=_moment(message.revoked) if message.HasField("revoked") else None,
        )

    def to_message(self) -> pb.PublicKey:
        """Return the key as it goes over the wire."""
        return pb.PublicKey(
            team=self.team,
            key_id=self.key_id,
            public_bytes=self.public_bytes,
            created=_timestamp(self.created),
            expires=None if self.expires is None else _timestamp(self.expires),
            revoked=None if self.revoked is None else _timestamp(self.revoked),
        )


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """A code with which a team enrols one key, once."""

    team: str
    code: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that happened to what the registry holds.

    `state` is None for what did not move to a state. `kind` is None for what only a newer registry knows.
    """

    kind: ChangeKind | None
    at: datetime
    team: str
    subject: str
    detail: str = ""
    state: State | None = None
    author: str = ""
    reason: str = ""
    cursor: str = ""

    @classmethod
    def from_message(cls, message: pb.Change) -> "Change":
        """Read a change off the wire."""
        return cls(
            kind=_CHANGE_OF.get(message.kind),
            at=_moment(message.at),
            team=message.team,
            subject=message.subject,
            detail=message.detail,
            state=_STATE_OF.get(message.state),
            author=message.author,
            reason=message.reason,
            cursor=message.cursor,
        )

    def to_message(self) -> pb.Change:
        """Return the change as it goes over the wire."""
        return pb.Change(
            kind=CHANGES[self.kind] if self.kind else pb.CHANGE_KIND_UNSPECIFIED,
            at=_timestamp(self.at),
            team=self.team,
            subject=self.subject,
            detail=self.detail,
            state=STATES[self.state] if self.state else pb.LISTING_STATE_UNSPECIFIED,
            author=self.author,
            reason=self.reason,
            cursor=self.cursor,
        )


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """What happened to one call, as one side saw it.

    `duration` is None while the call runs, `cost_usd` None when unknown; other fields are empty when there is nothing
    to say. `reporter` and `derived` are filled by the registry.
    """

    root: str
    token_id: str
    caller: str
    endpoint: str
    service: str
    operation: str
    start: datetime
    outcome: Outcome
    duration: timedelta | None = None
    person: str = ""
    revision: str = ""
    build: str = ""
    entity: str = ""
    reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    reporter: str = ""
    derived: bool = False

    @classmethod
    def from_message(cls, message: pb.CallRecord) -> "CallRecord":
        """Read a record off the wire."""
        return cls(
            root=message.root,
            token_id=message.token_id,
            caller=message.caller,
            endpoint=message.endpoint,
            service=message.service,
            operation=message.operation,
            start=_moment(message.start),
            outcome=outcome_of(message.outcome),
            duration=message.duration.ToTimedelta() if message.HasField("duration") else None,
            person=message.person,
            revision=message.revision,
            build=message.build,
            entity=message.entity,
            reason=message.reason,
            input_tokens=message.input_tokens,
            output_tokens=message.output_tokens,
            cost_usd=message.cost_usd if message.HasField("cost_usd") else None,
            reporter=message.reporter,
            derived=message.derived,
        )

    def to_message(self) -> pb.CallRecord:
        """Return the record as it goes over the wire."""
        message = pb.CallRecord(
            root=self.root,
            token_id=self.token_id,
            caller=self.caller,
            endpoint=self.endpoint,
            service=self.service,
            operation=self.operation,
            start=_timestamp(self.start),
            outcome=OUTCOMES[self.outcome],
            person=self.person,
            revision=self.revision,
            build=self.build,
            entity=self.entity,
            reason=self.reason,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
            reporter=self.reporter,
            derived=self.derived,
        )
        if self.duration is not None:
            duration = Duration()
            duration.FromTimedelta(self.duration)
            message.duration.CopyFrom(duration)
        return message


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)
