"""What an event says: one schema for everything that happens in a tree of calls.

An event is written by the worker in whose team it happened, to the Redis stream of its tree (`events:<root>`). The
stream's entry ids are the positions to resume from; an event's own `id` is stable, so that one that was written twice
is recognised. Fields are added with defaults; a kind never changes its meaning.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from callboard_contracts import MeshError, Message, RefusedError, UnavailableError
from callboard_kit.messages import KitMessage

Kind = Literal[
    "run.started",
    "run.ended",
    "run.reset",
    "step.started",
    "text.delta",
    "step.retracted",
    "step.ended",
    "tool.called",
    "tool.returned",
    "call.started",
    "call.ended",
    "approval.asked",
    "approval.answered",
    "guard.blocked",
    "context.prepared",
    "drift.allowed",
    "usage",
    "gap",
]
"""What happened."""

RunOutcome = Literal["ok", "refused", "unavailable", "failed", "cancelled", "terminated", "timed_out"]
"""How a run ended."""


class RunStarted(KitMessage):
    """A tree began to work."""

    workflow_id: str
    """The workflow at its root."""


class RunEnded(KitMessage):
    """A tree is over; nothing comes after this. Its result is asked for apart: it stands in Temporal, not here."""

    outcome: RunOutcome
    """How it ended."""

    error: str = ""
    """Why, when it did not end well."""


class RunReset(KitMessage):
    """A run was reset: it goes on from one of its steps, and what was told after that step counts no more."""

    of: str
    """The run that was reset, as Temporal has it."""

    step: int
    """The how-manieth model call of the run it goes on from, from 1."""

    by: str
    """Who reset it."""

    dry: bool = False
    """Whether it changes nothing from there on."""


class StepStarted(KitMessage):
    """An agent asks its model."""

    step: str
    """Names the step in everything that belongs to it."""

    number: int
    """The how-manieth step of this agent it is, from 1."""


class TextDelta(KitMessage):
    """A piece of what a model is writing. Provisional until its step has ended."""

    step: str
    """The step it belongs to."""

    attempt: int
    """The attempt that wrote it, from 1. A later attempt writes the whole text again."""

    text: str
    """The piece."""


class StepRetracted(KitMessage):
    """What was written so far does not count: drop every delta of the step up to this attempt."""

    step: str
    """The step."""

    attempt: int
    """The last attempt whose deltas are to be dropped."""

    reason: str
    """Why, in plain words."""


class StepEnded(KitMessage):
    """The model has answered. What it wrote stands."""

    step: str
    """The step."""

    text: str = ""
    """The whole text, for whoever missed a delta; cut off at `LONGEST_TEXT` characters."""

    tools: tuple[str, ...] = ()
    """The tools that it wants called, by name."""


class ToolCalled(KitMessage):
    """An agent uses a tool."""

    tool_call: str
    """Names the use of the tool in what comes back."""

    step: str
    """The step that asked for it."""

    tool: str
    """The tool, as the model calls it."""

    service: str
    """Whose it is: a service, or `local`."""

    name: str
    """The operation, or the tool's own name."""

    arguments: Mapping[str, object] | None = None
    """What it is called with, sensitive fields masked. Absent: no contract says what in it is sensitive, or it is
    too long."""


class ToolReturned(KitMessage):
    """A tool has answered."""

    tool_call: str
    """The use of the tool that this answers."""

    tool: str
    """The tool, as the model calls it."""

    outcome: Literal["ok", "refused", "unavailable", "failed", "malformed"]
    """How it went."""

    error: str = ""
    """Why it did not work."""


class CallStarted(KitMessage):
    """A team took up a call of its operation. The event's `team` is the one that was called."""

    call: str
    """The call's token id, the same in what tells of its end."""

    caller: str
    """Who asks."""

    service: str
    """The service called."""


class CallEnded(KitMessage):
    """A call is over."""

    call: str
    """The call's token id."""

    caller: str
    """Who asked."""

    service: str
    """The service called."""

    outcome: Literal["ok", "refused", "unavailable", "failed", "cancelled"]
    """How it ended."""

    reason: str = ""
    """The rule that let it in, or why it did not work."""

    seconds: float | None = None
    """How long it took. Absent: it was not let in."""


class ApprovalAsked(KitMessage):
    """Something waits for a person."""

    approval: str
    """The id to answer it by."""

    action: str
    """What is to be done, for instance `orders.v1 cancel_pending_order`."""

    reason: str = ""
    """Why it is asked."""

    expires: datetime | None = None
    """Until when it can be answered."""


class ApprovalAnswered(KitMessage):
    """A person answered, or nobody did in time."""

    approval: str
    """The approval."""

    decision: str
    """What was decided: `approved`, `rejected`, `expired`."""

    by: str = ""
    """Who decided."""


class GuardBlocked(KitMessage):
    """A guard kept something from happening."""

    guard: str
    """The guard."""

    what: str
    """What it kept from happening."""

    reason: str = ""
    """Why."""


class ContextPrepared(KitMessage):
    """An agent's model was given something to know before it began."""

    agent: str
    """The agent."""

    tokens: int = 0
    """What it takes, at most."""

    sources: tuple[Mapping[str, object], ...] = ()
    """What became of each source: its name, when it was asked, how that went, what was found, kept and dropped. Never
    what it says."""


class DriftAllowed(KitMessage):
    """An agent that no registered build has went on, since whoever started the run broke the glass."""

    agent: str
    """The agent."""

    build: str
    """The build of the worker that let it go on."""

    reason: str
    """Why the glass was broken."""


class Used(KitMessage):
    """What one step took."""

    step: str = ""
    """The step."""

    model: str = ""
    """The model that answered."""

    input_tokens: int = 0
    """Tokens read."""

    output_tokens: int = 0
    """Tokens written."""

    cost_usd: float | None = None
    """US dollars; absent where no price is known."""


class Gap(KitMessage):
    """Events are missing here: what they told is lost, what they told of is not."""

    reason: str
    """Why."""

    lost: int | None = None
    """How many; absent when nobody knows."""


Detail = (
    RunStarted
    | RunEnded
    | RunReset
    | StepStarted
    | TextDelta
    | StepRetracted
    | StepEnded
    | ToolCalled
    | ToolReturned
    | CallStarted
    | CallEnded
    | ApprovalAsked
    | ApprovalAnswered
    | GuardBlocked
    | ContextPrepared
    | DriftAllowed
    | Used
    | Gap
)
"""What the member `data` of an event holds, by its kind."""

KINDS: Final[Mapping[Kind, type[Detail]]] = {
    "run.started": RunStarted,
    "run.ended": RunEnded,
    "run.reset": RunReset,
    "step.started": StepStarted,
    "text.delta": TextDelta,
    "step.retracted": StepRetracted,
    "step.ended": StepEnded,
    "tool.called": ToolCalled,
    "tool.returned": ToolReturned,
    "call.started": CallStarted,
    "call.ended": CallEnded,
    "approval.asked": ApprovalAsked,
    "approval.answered": ApprovalAnswered,
    "guard.blocked": GuardBlocked,
    "context.prepared": ContextPrepared,
    "drift.allowed": DriftAllowed,
    "usage": Used,
    "gap": Gap,
}

_KIND_OF: Final[Mapping[type[Detail], Kind]] = {detail: kind for kind, detail in KINDS.items()}

EVERY_ATTEMPT: Final = 1_000_000
"""In `step.retracted`: more attempts than there are, so every delta of the step is meant."""

LONGEST_TEXT: Final = 16_000
"""Characters of a step's whole text, and of what a tool is called with, that an event carries."""


class Event(Message):
    """One thing that happened in a tree of calls."""

    id: str
    """The event's own name: the same however often it was written."""

    at: datetime
    """When it happened, by the clock of whoever tells."""

    team: str
    """Where it happened. Claimed by the writer, not proved."""

    operation: str = ""
    """The operation, or the workflow at a tree's root, that it happened in. Empty: in none."""

    kind: Kind
    """What happened."""

    data: Mapping[str, object] = {}
    """What there is to know of it; its members follow from the kind."""

    @property
    def detail(self) -> Detail:
        """Return `data` as the message that its kind has.

        Raises:
            ValidationError: It is no such message.
        """
        return KINDS[self.kind].model_validate(self.data)


def kind_of(detail: Detail) -> Kind:
    """Return the kind of event that tells of `detail`."""
    return _KIND_OF[type(detail)]


def outcome_of_run(error: MeshError) -> RunOutcome:
    """Return how a run ended that failed with `error`."""
    match error:
        case RefusedError():
            return "refused"
        case UnavailableError():
            return "unavailable"
        case _:
            return "failed"


def stream_of(root: str) -> str:
    """Return the name of the Redis stream that holds a tree's events."""
    return f"events:{root}"
