"""Where a context comes from: operations of teams that only read, and activities of the agent's own team."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal, Protocol, cast

import nexusrpc
from pydantic import BaseModel, TypeAdapter
from temporalio import workflow
from temporalio.common import RetryPolicy

from callboard_contracts import OperationDescription, ServiceDescription, describe
from callboard_kit.context.pieces import Found, Looking, Piece
from callboard_kit.events.masking import veiled
from callboard_kit.memory.secrecy import note
from callboard_kit.trials.dry import reading

DEADLINE: Final = timedelta(seconds=5)
"""How long a source may take, where it does not say itself."""

AT_MOST: Final = 20
"""Pieces of one source, at most, where it does not say itself."""

_GRACE: Final = timedelta(seconds=5)
_SOON: Final = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=2)
_ANYTHING: Final = TypeAdapter[object](object)


class ContextSourceError(ValueError):
    """A source that cannot be used as it is written; the message says what to change."""


class Source(Protocol):
    """Something that a context can be fetched from. Asked from a workflow, so it fetches by activity or operation."""

    @property
    def name(self) -> str:
        """What it is called: in records, and to the model."""
        ...

    @property
    def deadline(self) -> timedelta:
        """How long it may take; after that the context is prepared without it."""
        ...

    @property
    def weight(self) -> float:
        """What the relevance of its pieces is multiplied by when they are ranked against others'."""
        ...

    @property
    def at_most(self) -> int:
        """How many of its pieces the model is given, at most."""
        ...

    @property
    def is_call(self) -> bool:
        """Whether asking it calls an operation."""
        ...

    def applies(self, looking: Looking) -> bool:
        """Tell whether it has anything to be asked in this run. Pure."""
        ...

    async def fetch(self, looking: Looking) -> Sequence[Piece]:
        """Return what it has, best first.

        Raises:
            MeshError: It would not, or could not.
            FailureError: Whatever Temporal says about a call that failed.
        """
        ...


def whole(document: Mapping[str, object], _looking: Looking) -> Sequence[Piece]:
    """Make one piece of all that an operation answered."""
    return (Piece.model_validate({"content": document}),)


@dataclass(frozen=True, kw_only=True)
class FromOperation:
    """An operation of a team that only reads: a query, whose contract promises the effect `read`.

        FromOperation(
            name="customer", contract=customers.Customers, operation=customers.Customers.get_user_details,
            ask=lambda looking: customers.UserId(user_id=looking.person) if looking.person else None,
        )

    Raises:
        ContextSourceError: The operation is none of the contract, or does more than read.
    """

    name: str
    contract: type
    """The class of the contract."""

    operation: nexusrpc.Operation[Any, Any]  # Any: whatever the operation takes and returns
    """The operation."""

    ask: Callable[[Looking], BaseModel | None]
    """What to ask it with; None when there is nothing to ask. Pure."""

    read: Callable[[Mapping[str, object], Looking], Sequence[Piece]] = whole
    """Makes pieces of its answer, a JSON object. Pure."""

    sensitive: Literal["mask", "show"] = "mask"
    """What becomes of the fields that the contract calls sensitive, before `read` sees them."""

    deadline: timedelta = DEADLINE
    weight: float = 1.0
    at_most: int = AT_MOST
    is_call: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        """Refuse what has an effect: a context is fetched without anybody's approval."""
        found = self._described()
        if found is None:
            raise ContextSourceError(
                f"source {self.name!r}: {self.contract.__name__} has no operation {self.operation.name!r}"
            )
        if found[1].promise.effect != "read" or found[1].promise.kind != "query":
            raise ContextSourceError(
                f"source {self.name!r}: {found[0].service} {self.operation.name} is a {found[1].promise.kind} with the "
                f"effect {found[1].promise.effect!r}; a context is made of queries that only read"
            )

    def configuration(self) -> Mapping[str, object]:
        """Return what it was configured with, for fingerprints."""
        described = self._described()
        assert described is not None
        return {
            "service": described[0].service,
            "operation": self.operation.name,
            "endpoint": described[0].endpoint,
            "ask": self.ask,
            "read": self.read,
            "sensitive": self.sensitive,
            "deadline": self.deadline,
            "weight": self.weight,
            "at_most": self.at_most,
        }

    def applies(self, looking: Looking) -> bool:
        """Tell whether there is anything to ask."""
        return self.ask(looking) is not None

    async def fetch(self, looking: Looking) -> Sequence[Piece]:
        """Call the operation and read its answer."""
        described, asked = self._described(), self.ask(looking)
        assert described is not None
        service, operation = described
        client: workflow.NexusClient[Any] = workflow.create_nexus_client(
            service=self.contract, endpoint=service.endpoint
        )
        answer: object = await client.execute_operation(
            self.operation,
            asked,
            # Whoever prepares the context keeps the deadline. Temporal does not deliver what has hardly any time left.
            schedule_to_close_timeout=self.deadline + _GRACE,
            # Nobody waits for what came too late.
            cancellation_type=workflow.NexusOperationCancellationType.TRY_CANCEL,
        )
        document = cast("dict[str, object]", _ANYTHING.dump_python(answer, mode="json", exclude_none=True))
        note(document, operation.promise.sensitive)
        shown = document if self.sensitive == "show" else veiled(document, operation.promise.sensitive)
        return self.read(shown, looking)

    def _described(self) -> tuple[ServiceDescription, OperationDescription] | None:
        service = describe(self.contract)
        return next(((service, each) for each in service.operations if each.name == self.operation.name), None)


@dataclass(frozen=True, kw_only=True)
class FromActivity:
    """An activity of the agent's own team, for instance one that looks into its store.

    It takes a `Looking` (and `given`, as a second argument) and returns `Found`. It only reads.
    """

    name: str
    activity: str
    """The activity's registered name."""

    given: Mapping[str, object] = field(default_factory=dict[str, object])
    """What it goes by beside, as JSON. Empty: it gets one argument."""

    needs_person: bool = False
    """Whether there is nothing to ask where the run is for nobody in particular."""

    deadline: timedelta = DEADLINE
    weight: float = 1.0
    at_most: int = AT_MOST
    is_call: bool = field(default=False, init=False)

    def applies(self, looking: Looking) -> bool:
        """Tell whether there is anything to ask."""
        return looking.person is not None or not self.needs_person

    async def fetch(self, looking: Looking) -> Sequence[Piece]:
        """Run the activity."""
        with reading(only=True):
            found: Found = await workflow.execute_activity(
                self.activity,
                args=[looking, dict(self.given)] if self.given else [looking],
                result_type=Found,
                schedule_to_close_timeout=self.deadline,
                retry_policy=_SOON,
            )
        return found.pieces
