"""What a team may call, asked of the registry by whoever chooses for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from callboard_registry_api.connection import Connection
from callboard_registry_api.model import STATES, FoundOperation, State, state_of
from callboard_registry_api.v1 import registry_pb2 as pb


@dataclass(frozen=True)
class OperationName:
    """Which operation."""

    service: str
    operation: str


@dataclass(frozen=True, kw_only=True)
class Discovered:
    """Some of what a team may call, and how much there is."""

    operations: tuple[FoundOperation, ...]
    """Those first that fit best."""

    next_page_token: str
    """Empty on the last page."""

    total: int
    """How many operations the team may call, whatever the words."""

    total_services: int
    """Of how many services."""

    services: tuple[str, ...]
    """The first 100 of these services, sorted."""

    as_of: str
    """Another one whenever what the registry holds has changed."""

    @classmethod
    def from_message(cls, message: pb.DiscoverOperationsResponse) -> "Discovered":
        """Read it off the wire."""
        return cls(
            operations=tuple(FoundOperation.from_message(each) for each in message.operations),
            next_page_token=message.next_page_token,
            total=message.total,
            total_services=message.total_services,
            services=tuple(message.services),
            as_of=message.as_of,
        )

    def to_message(self) -> pb.DiscoverOperationsResponse:
        """Return it as it goes over the wire."""
        return pb.DiscoverOperationsResponse(
            operations=[each.to_message() for each in self.operations],
            next_page_token=self.next_page_token,
            total=self.total,
            total_services=self.total_services,
            services=self.services,
            as_of=self.as_of,
        )


@dataclass(frozen=True, kw_only=True)
class DescribedOperation:
    """One operation with all that its listing says of it."""

    service: str
    digest: str
    """Of the revision in force."""

    state: State
    team: str
    endpoint: str
    operation: str
    document: bytes
    """JSON of its description: texts, schemas of input and output, promise."""

    successor: str = ""
    """The service that takes the place of one that is about to go; empty when none does."""

    @classmethod
    def from_message(cls, message: pb.DescribedOperation) -> "DescribedOperation":
        """Read it off the wire."""
        return cls(
            service=message.service,
            digest=message.digest,
            state=state_of(message.state),
            team=message.team,
            endpoint=message.endpoint,
            operation=message.operation,
            document=message.document,
            successor=message.successor,
        )

    def to_message(self) -> pb.DescribedOperation:
        """Return it as it goes over the wire."""
        return pb.DescribedOperation(
            service=self.service,
            digest=self.digest,
            state=STATES[self.state],
            team=self.team,
            endpoint=self.endpoint,
            operation=self.operation,
            document=self.document,
            successor=self.successor,
        )


class DiscoveryClient:
    """The calls that tell a team what it may call: `client.discovery`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def discover(
        self,
        caller: str,
        words: str = "",
        *,
        states: Sequence[State] = (),
        page_size: int = 0,
        page_token: str = "",
    ) -> Discovered:
        """Return one page of what `caller` may have a model call: names and one line each, the best first.

        Args:
            caller: The team that asks.
            words: What they say or are called; empty: everything, ordered by service.
            states: Where their listing stands; by default wherever calls are answered.
            page_size: At most this many; 0 means 20.
            page_token: From the page before.
        """
        request = pb.DiscoverOperationsRequest(
            caller=caller,
            words=words,
            states=[STATES[state] for state in states],
            page_size=page_size,
            page_token=page_token,
        )
        response = await self._connection.call("DiscoverOperations", request, pb.DiscoverOperationsResponse)
        return Discovered.from_message(response)

    async def describe(
        self, operations: Sequence[OperationName], *, caller: str = "", states: Sequence[State] = ()
    ) -> tuple[DescribedOperation, ...]:
        """Return what is in force of these operations, in their order.

        What is not held in one of `states`, or may not be called by `caller`, is left out.
        """
        described: list[DescribedOperation] = []
        left = [pb.OperationName(service=each.service, operation=each.operation) for each in operations]
        while left:
            request = pb.GetOperationsRequest(
                operations=left[:_AT_ONCE], caller=caller, states=[STATES[state] for state in states]
            )
            response = await self._connection.call("GetOperations", request, pb.GetOperationsResponse)
            described += [DescribedOperation.from_message(each) for each in response.operations]
            left = left[max(response.looked_at, 1) :]
        return tuple(described)


_AT_ONCE = 200
