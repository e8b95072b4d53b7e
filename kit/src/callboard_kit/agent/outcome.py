"""How far an agent's run may go, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from callboard_contracts import Deed, Message, Usage
from callboard_kit.context.pieces import SourceRecord
from callboard_kit.guards.verdicts import Ruling
from callboard_kit.messages import KitMessage

StoppedBecause = Literal[
    "answered",
    "max_steps",
    "max_tokens",
    "max_cost",
    "max_time",
    "budget",
    "cut_off",
    "filtered",
    "guarded",
    "stopped",
]
"""`answered`: the model was done. `max_steps`, `max_tokens`, `max_cost`, `max_time`: a limit of the agent or of its
tree was reached. `budget`: a budget of its team is used up. `cut_off`, `filtered`: the provider ended the model's text,
for its length or for what it said. `guarded`, `stopped`: a guard or a hook let it not go on."""

NOTHING: Final = Usage()
"""What takes nothing."""


class Limits(KitMessage):
    """The bounds of one run of an agent."""

    max_steps: Annotated[int, Field(ge=1)] = 20
    """Rounds of model and tools."""

    max_tokens: Annotated[int, Field(ge=1)] = 400_000
    """Tokens read and written in all, those of called agents included. Before each model call what it reads, estimated
    from above, is held against what is left, and its answer is held to the rest."""

    max_cost_usd: Annotated[float, Field(ge=0)] | None = None
    """US dollars for models in all, those of called agents included. Before each model call the worst that it can cost
    is held against what is left. Absent: nobody counts; nor does anybody where the model's price is not known."""

    max_repeats: Annotated[int, Field(ge=1)] = 5
    """How often in a row a tool may be called with the same arguments, or two may take turns, before the model is told
    to stop that."""

    max_parallel: Annotated[int, Field(ge=1)] = 8
    """Tools that run at the same time; further calls of a step wait their turn."""

    max_corrections: Annotated[int, Field(ge=0)] = 3
    """Steps in a row in which the model may write malformed arguments before the run fails."""

    max_result_characters: Annotated[int, Field(ge=100)] = 60_000
    """The length of a tool's result from which the model gets only the beginning."""

    model_timeout: timedelta = timedelta(minutes=2)
    """How long one attempt to reach the model may take."""

    model_patience: timedelta = timedelta(minutes=10)
    """How long one model call may take with all its attempts."""


class CallRecord(Message):
    """One tool call of the run, and how it ended."""

    service: str
    """The service called, for instance `orders.v1`; `local` for a tool that is no operation."""

    operation: str
    """The operation, or the name of the tool."""

    outcome: Literal["ok", "refused", "unavailable", "failed", "malformed"]
    """How it ended. A malformed one was never called: its arguments were given back to the model."""

    error: str | None = None
    """Why it did not work. Absent when it did."""


class Outcome(KitMessage):
    """What came of a run."""

    answer: str
    """The agent's answer; what it had by then, when it was stopped before it was done."""

    calls: tuple[CallRecord, ...] = ()
    """The tool calls, in the order in which the model asked for them."""

    usage: Usage = Usage()
    """What the run took, called agents included."""

    output: Mapping[str, object] | None = None
    """The answer in the form that was asked for. Absent: none was asked for, or there is no answer."""

    stopped_because: StoppedBecause = "answered"
    """Why it ended."""

    rulings: tuple[Ruling, ...] = ()
    """What guards said of it where they did not simply let it pass, the oldest first; of many the last."""

    sources: tuple[SourceRecord, ...] = ()
    """Where what its model was given to know is from, and what became of each source."""

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        # They came later: left out where there are none, so that outcomes in histories stay what they were.
        document: dict[str, object] = write(self)
        return {name: value for name, value in document.items() if name not in ("rulings", "sources") or value}

    @property
    def deeds(self) -> tuple[Deed, ...]:
        """The calls that were really made, in the words of the contracts."""
        return tuple(
            Deed(service=call.service, operation=call.operation, outcome=call.outcome)
            for call in self.calls
            if call.outcome != "malformed"
        )


def total(parts: Sequence[Usage]) -> Usage:
    """Add up what several things took. The cost is absent when that of any model call is."""
    costs = [part.cost_usd for part in parts if part.model_calls]
    known = [cost for cost in costs if cost is not None]
    return Usage(
        input_tokens=sum(part.input_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        model_calls=sum(part.model_calls for part in parts),
        tool_calls=sum(part.tool_calls for part in parts),
        cost_usd=sum(known) if known and len(known) == len(costs) else None,
    )
