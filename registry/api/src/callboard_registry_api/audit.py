"""Who called what: single calls by filter, calls added up, consumers, and how far the audit has got.

A `RegistryClient` has it as `audit`:

    async with RegistryClient("127.0.0.1:7480") as registry:
        page = await registry.audit.calls(CallFilter(service="orders.v1", outcomes=("failed",)))
"""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from google.protobuf.timestamp_pb2 import Timestamp

from callboard_registry_api.connection import Connection
from callboard_registry_api.model import OUTCOMES, CallRecord, Outcome, outcome_of
from callboard_registry_api.v1 import registry_pb2 as pb

Dimension = Literal["day", "caller", "service", "operation", "revision", "outcome"]
"""What calls can be told apart by when they are added up."""

DIMENSIONS: Final[Mapping[Dimension, pb.CallDimension]] = {
    "day": pb.CALL_DIMENSION_DAY,
    "caller": pb.CALL_DIMENSION_CALLER,
    "service": pb.CALL_DIMENSION_SERVICE,
    "operation": pb.CALL_DIMENSION_OPERATION,
    "revision": pb.CALL_DIMENSION_REVISION,
    "outcome": pb.CALL_DIMENSION_OUTCOME,
}
"""Every dimension with its number on the wire."""

_DIMENSION_OF: Final[Mapping[int, Dimension]] = {int(number): name for name, number in DIMENSIONS.items()}


def dimension_of(number: int) -> Dimension:
    """Return the dimension with this number on the wire.

    Raises:
        ValueError: No dimension has this number.
    """
    if number not in _DIMENSION_OF:
        raise ValueError(f"no dimension has the number {number!r}, use one of {tuple(DIMENSIONS)!r}")
    return _DIMENSION_OF[number]


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """Which calls; what is left empty does not matter. The fields are those of `ListCallsRequest`."""

    root: str = ""
    team: str = ""
    caller: str = ""
    service: str = ""
    operation: str = ""
    entity: str = ""
    outcomes: Collection[Outcome] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class CallPage:
    """Call records in the order in which they arrived."""

    records: tuple[CallRecord, ...]
    cursor: str
    """Pass it as `after` to get exactly what has arrived since; always set."""


@dataclass(frozen=True, kw_only=True)
class CallTotal:
    """Calls that are over, added up. What they were not told apart by is empty, or None."""

    day: datetime | None = None
    caller: str = ""
    service: str = ""
    operation: str = ""
    revision: str = ""
    outcome: Outcome | None = None
    calls: int
    errors: int
    """Those among them that did not end well."""

    duration: timedelta | None
    """Together; this and the percentiles are None when it is known of none of them."""

    p50: timedelta | None
    p95: timedelta | None
    input_tokens: int
    output_tokens: int
    cost_usd: float
    last: datetime
    """When the last of them started."""

    @classmethod
    def from_message(cls, message: pb.CallTotal) -> "CallTotal":
        """Read a row off the wire."""
        return cls(
            day=_moment(message.day) if message.HasField("day") else None,
            caller=message.caller,
            service=message.service,
            operation=message.operation,
            revision=message.revision,
            outcome=outcome_of(message.outcome) if message.outcome else None,
            calls=message.calls,
            errors=message.errors,
            duration=message.duration.ToTimedelta() if message.HasField("duration") else None,
            p50=message.p50.ToTimedelta() if message.HasField("p50") else None,
            p95=message.p95.ToTimedelta() if message.HasField("p95") else None,
            input_tokens=message.input_tokens,
            output_tokens=message.output_tokens,
            cost_usd=message.cost_usd,
            last=_moment(message.last),
        )

    def to_message(self) -> pb.CallTotal:
        """Return the row as it goes over the wire."""
        return pb.CallTotal(
            day=self.day,
            caller=self.caller,
            service=self.service,
            operation=self.operation,
            revision=self.revision,
            outcome=OUTCOMES[self.outcome] if self.outcome else pb.CALL_OUTCOME_UNSPECIFIED,
            calls=self.calls,
            errors=self.errors,
            duration=self.duration,
            p50=self.p50,
            p95=self.p95,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
            last=self.last,
        )


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """A team that calls a service, as one operation of one revision shows it; or one that only says so."""

    team: str
    declared: bool
    operation: str = ""
    """Empty when the team was not seen, as is the revision; that may also be unknown."""

    revision: str = ""
    calls: int = 0
    errors: int = 0
    last: datetime | None = None

    @property
    def seen(self) -> bool:
        """Whether it called."""
        return self.calls > 0

    @classmethod
    def from_message(cls, message: pb.Consumer) -> "Consumer":
        """Read a consumer off the wire."""
        return cls(
            team=message.team,
            declared=message.declared,
            operation=message.operation,
            revision=message.revision,
            calls=message.calls,
            errors=message.errors,
            last=_moment(message.last) if message.HasField("last") else None,
        )

    def to_message(self) -> pb.Consumer:
        """Return the consumer as it goes over the wire."""
        return pb.Consumer(
            team=self.team,
            declared=self.declared,
            operation=self.operation,
            revision=self.revision,
            calls=self.calls,
            errors=self.errors,
            last=self.last,
        )


@dataclass(frozen=True, kw_only=True)
class AuditPosition:
    """How far the audit has read one namespace. The fields are those of its message."""

    namespace: str
    team: str
    read_until: datetime | None
    looked: datetime
    problem: str = ""
    open: int = 0

    @classmethod
    def from_message(cls, message: pb.AuditPosition) -> "AuditPosition":
        """Read a position off the wire."""
        return cls(
            namespace=message.namespace,
            team=message.team,
            read_until=_moment(message.read_until) if message.HasField("read_until") else None,
            looked=_moment(message.looked),
            problem=message.problem,
            open=message.open,
        )

    def to_message(self) -> pb.AuditPosition:
        """Return the position as it goes over the wire."""
        return pb.AuditPosition(
            namespace=self.namespace,
            team=self.team,
            read_until=self.read_until,
            looked=self.looked,
            problem=self.problem,
            open=self.open,
        )


class Audit:
    """What one registry knows of calls."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def calls(
        self, which: CallFilter | None = None, *, after: str = "", page_size: int = 0, newest_first: bool = False
    ) -> CallPage:
        """Return call records behind a cursor, in the order in which they arrived or from the newest back."""
        which = which or CallFilter()
        request = pb.ListCallsRequest(
            root=which.root,
            team=which.team,
            caller=which.caller,
            service=which.service,
            operation=which.operation,
            entity=which.entity,
            outcomes=[OUTCOMES[each] for each in which.outcomes],
            since=which.since,
            until=which.until,
            after=after,
            page_size=page_size,
            newest_first=newest_first,
        )
        response = await self._connection.call("ListCalls", request, pb.ListCallsResponse)
        return CallPage(tuple(CallRecord.from_message(one) for one in response.records), response.cursor)

    async def totals(
        self,
        *,
        by: Sequence[Dimension] = (),
        caller: str = "",
        service: str = "",
        operation: str = "",
        revision: str = "",
        outcomes: Collection[Outcome] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[CallTotal]:
        """Yield calls added up, a row for each combination of `by`; days are whole."""
        token = ""
        while True:
            request = pb.SumCallsRequest(
                by=[DIMENSIONS[each] for each in by],
                caller=caller,
                service=service,
                operation=operation,
                revision=revision,
                outcomes=[OUTCOMES[each] for each in outcomes],
                since=since,
                until=until,
                page_size=1000,
                page_token=token,
            )
            response = await self._connection.call("SumCalls", request, pb.SumCallsResponse)
            for each in response.totals:
                yield CallTotal.from_message(each)
            token = response.next_page_token
            if not token:
                return

    async def declare(self, team: str, services: Sequence[str]) -> bool:
        """Say, as the team that signs, which services it calls; returns whether that is something new."""
        document = json.dumps({"calls": list(services)}).encode()
        request = pb.DeclareCallsRequest(team=team, document=document)
        token = self._connection.signed("DeclareCalls", document)
        response = await self._connection.call("DeclareCalls", request, pb.DeclareCallsResponse, token=token)
        return response.changed

    async def consumers(
        self, service: str, *, operation: str = "", since: datetime | None = None
    ) -> tuple[Consumer, ...]:
        """Return who says to call a service and who was seen to, in the last 30 days unless `since` says else."""
        request = pb.ListConsumersRequest(service=service, operation=operation, since=since)
        response = await self._connection.call("ListConsumers", request, pb.ListConsumersResponse)
        return tuple(Consumer.from_message(each) for each in response.consumers)

    async def positions(self) -> tuple[AuditPosition, ...]:
        """Return how far the audit has read each namespace."""
        request = pb.ListAuditPositionsRequest()
        response = await self._connection.call("ListAuditPositions", request, pb.ListAuditPositionsResponse)
        return tuple(AuditPosition.from_message(each) for each in response.positions)


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)
