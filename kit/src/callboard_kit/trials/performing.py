"""The side of dry runs on which things would be done: activities that are carried out, repeated, or not done."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from temporalio import activity
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import ExecuteActivityInput

from callboard_contracts import Effect
from callboard_kit.contract_book import ContractBook
from callboard_kit.messages import KitMessage
from callboard_kit.tokens import Call
from callboard_kit.trials.dry import REPEAT, DryRunError, Note, is_read
from callboard_kit.trials.recorded import Answers, Asked, Payload

HARMLESS: Final = frozenset(
    {
        REPEAT,
        "callboard.call_model",
        "callboard.endpoint_exists",
        "callboard.check_answer",
        "callboard.still_demanded",
    }
)
"""Activities of the kit that a dry run carries out: they ask, and change nothing."""


class Repeat(KitMessage):
    """What a dry run asks of another team."""

    copied: str
    """The run that it copies, as `Call.copies` names it."""

    service: str
    operation: str
    input: object
    """The input, as JSON has it."""

    nth: int


class Repeated(KitMessage):
    """What the run that is copied was answered."""

    known: bool = False
    answer: object = None
    """The answer, as JSON has it."""

    error: str = ""
    """The type of the error it was answered with; empty when it was none."""

    message: str = ""


class DryRuns:
    """What one worker does for dry runs."""

    def __init__(self, book: ContractBook) -> None:
        self._book = book
        self._client: Client | None = None
        self._reads: frozenset[str] = frozenset()
        self.answers = Answers()

    def use(self, client: Client) -> None:
        """Reach the namespace through this client, the worker's own."""
        self._client = client

    def learn(self, activities: Iterable[object]) -> None:
        """Remember which of a worker's activities are declared to change nothing."""
        self._reads |= {name for each in activities if is_read(each) and (name := _name_of(each))}

    @property
    def client(self) -> Client:
        """The worker's client."""
        assert self._client is not None, "a worker has a client before it works"
        return self._client

    @property
    def reads(self) -> frozenset[str]:
        """The activities of this worker that change nothing."""
        return self._reads | HARMLESS

    def effect_of(self, service: str, operation: str) -> Effect:
        """Return what an operation changes, at most: the worst where nobody says."""
        contract = self._book.find(service, operation)
        return "irreversible" if contract is None else contract.promise.effect

    async def perform(
        self,
        call: Call,
        input: ExecuteActivityInput,
        carry_out: Callable[[ExecuteActivityInput], Awaitable[Any]],  # Any: activities return anything
    ) -> Any:  # Any: as above
        """Carry an activity of a dry run out if it changes nothing, and else answer for it if somebody knows what.

        Raises:
            DryRunError: It was not done, and nobody knows what it would have answered.
            ApplicationError: The run that is copied was answered so.
        """
        name = activity.info().activity_type
        if call.harmless or name in HARMLESS:
            return await carry_out(input)
        note = Note.read(input.headers)
        found = None
        if call.copies:
            payloads = activity.payload_converter().to_payloads(input.args)
            found = await self.answers.find(self.client, call.copies, "activity", name, payloads, note.nth)
        if found is not None:
            return _again(found)
        if is_read(input.fn) or note.reads:
            return await carry_out(input)
        raise DryRunError(f"this is a dry run: {name} was not done")

    @activity.defn(name=REPEAT)
    async def repeat(self, asked: Repeat) -> Repeated:
        """Tell what the run that is copied was answered when it asked another team for the same."""
        input: list[Payload] = activity.payload_converter().to_payloads([asked.input])
        name = f"{asked.service}.{asked.operation}"
        found = await self.answers.find(self.client, asked.copied, "operation", name, input, asked.nth)
        if found is None:
            return Repeated()
        if found.failure is not None:
            return Repeated(known=True, error=found.failure[0], message=found.failure[1])
        [answer] = activity.payload_converter().from_payloads([found.answer or Payload()])
        return Repeated(known=True, answer=answer)


def _name_of(function: object) -> str | None:
    # Only Temporal's own definition knows under which name an activity is registered.
    definition: object = getattr(function, "__temporal_activity_definition", None)
    name: object = getattr(definition, "name", None)
    return name if isinstance(name, str) else None


def _again(found: Asked) -> RawValue:
    if found.failure is not None:
        kind, message = found.failure
        raise ApplicationError(message, type=kind, non_retryable=True)
    return RawValue(found.answer or Payload())
