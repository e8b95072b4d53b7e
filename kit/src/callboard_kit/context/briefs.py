"""What whoever starts a run may give it beside a goal: instructions, a choice of tools, a model, things to know.

So one worker with one configured agent is many agents. Nothing may be given that no rule of the agent allows, and
nothing that is given widens what the run may do: tools are chosen among those it has, and every call is judged by the
policy of whom it calls, as ever. Drift is found by the agent as it is configured, rules included; what a run was
given stands in its input.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Final, Protocol, TypeVar

from pydantic import Field
from temporalio import workflow

from callboard_contracts import Message, RefusedError
from callboard_kit import mesh
from callboard_kit.context.pieces import Piece

ANYONE: Final = "*"
"""In `persons` and `callers` of a rule: whoever it is, nobody in particular included."""

MEMO: Final = "callboard_brief"
"""The memo in which a workflow says what its run was given, and by which rule."""

LONGEST_INSTRUCTIONS: Final = 8_000
"""Characters."""

MOST_PIECES: Final = 50


class Brief(Message):
    """What a run is given when it starts, beside its goal."""

    instructions: Annotated[str, Field(max_length=LONGEST_INSTRUCTIONS)] = ""
    """What the agent is to keep to beside its own instructions, in the system's words. Empty: nothing."""

    tools: Annotated[tuple[str, ...], Field(max_length=200)] | None = None
    """The tools that it may call, of those it has, each as `service.operation` (`orders.v1.get_order_details`); what
    stands in the place of a name may be a pattern, `orders.v1.get_*`. Empty: none. Absent: all."""

    model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The model to ask. Absent: the agent's own."""

    context: Annotated[tuple[Piece, ...], Field(max_length=MOST_PIECES)] = ()
    """What it is to know; to its model it is data, and comes before what the agent finds itself."""

    @property
    def empty(self) -> bool:
        """Whether nothing is given."""
        return self == Brief()


@dataclass(frozen=True, kw_only=True)
class BriefRule:
    """Who may give an agent's runs what. Nothing that is not named."""

    name: str
    """What refusals and records call it."""

    persons: Sequence[str] = (ANYONE,)
    """Whom the run is for, or `*`."""

    callers: Sequence[str] = (ANYONE,)
    """Which teams ask, or `*`. A run that its own team's clients start is asked for by that team."""

    instructions: bool = False
    """Whether they may give instructions."""

    tools: Sequence[str] = ()
    """Of which tools they may make a choice: patterns of `service.operation`. Empty: they may not choose."""

    models: Sequence[str] = ()
    """The models that they may have asked, by name."""

    context: int = 0
    """How many things to know they may give."""

    def covers(self, caller: str, person: str | None) -> bool:
        """Tell whether it is about whoever asks."""
        named = ANYONE in self.persons or (person is not None and person in self.persons)
        return named and (ANYONE in self.callers or caller in self.callers)

    def fault(self, brief: Brief, chosen: Sequence[str]) -> str | None:
        """Say what of a brief it does not allow, or None where it allows all of it."""
        if brief.instructions and not self.instructions:
            return "give it instructions"
        if brief.model is not None and brief.model not in self.models:
            allowed = ", ".join(repr(each) for each in self.models)
            return f"have it ask the model {brief.model!r}" + (f" (but {allowed})" if allowed else "")
        if brief.tools is not None and not self.tools:
            return "choose its tools"
        if bad := next((each for each in chosen if not _fits(each, self.tools)), None):
            return f"choose the tool {bad!r}"
        if len(brief.context) > self.context:
            most = f"more than {self.context} things" if self.context else "anything"
            return f"give it {most} to know"
        return None


class HasName(Protocol):
    """A tool, as far as it matters here."""

    @property
    def service(self) -> str:
        """Whose it is."""
        ...

    @property
    def operation(self) -> str:
        """What it is called there."""
        ...


ToolT = TypeVar("ToolT", bound=HasName)


@dataclass(frozen=True)
class Admitted:
    """A brief that may be given."""

    brief: Brief
    rule: str = ""

    def instructions(self, own: str) -> str:
        """Return an agent's own instructions with what was given after them."""
        if not self.brief.instructions:
            return own
        return f"{own}\n\n{_ADDED}\n{self.brief.instructions}"

    def chosen(self, tools: Sequence[ToolT]) -> tuple[ToolT, ...]:
        """Return the tools that the run may call, of those the agent has."""
        patterns = self.brief.tools
        return tuple(tools) if patterns is None else tuple(each for each in tools if _fits(_name(each), patterns))

    def choice(self) -> Callable[[HasName], bool] | None:
        """Return what says of a tool that is yet to be found whether the run may call it; None: it may call any."""
        patterns = self.brief.tools
        return None if patterns is None else lambda tool: _fits(_name(tool), patterns)


_ADDED: Final = "For this run, as far as the above allows, whoever started it adds:"


def admitted(
    brief: Brief | None, rules: Sequence[BriefRule], *, agent: str, tools: Sequence[HasName], finds_more: bool = False
) -> Admitted:
    """Admit what a run is given, or refuse it. Only from a workflow, which then says in its memo what was given.

    Args:
        brief: What is given; None: nothing.
        rules: Who may give what.
        agent: Whose run it is.
        tools: The tools that the run could call.
        finds_more: Whether it may find others while it goes on.

    Raises:
        RefusedError: No rule allows it, or it names tools that the run does not have.
    """
    if brief is None or brief.empty:
        return Admitted(Brief())
    call = mesh.maybe_current()
    person = None if call is None else call.person
    caller = "" if call is None else call.caller or call.team
    names = [_name(each) for each in tools]
    patterns = brief.tools or ()
    if unknown := next((each for each in patterns if not finds_more and not any(_fits(n, (each,)) for n in names)), ""):
        raise RefusedError(f"agent {agent!r} has no tool {unknown!r} to choose; name some that it may call, or none")
    chosen = [name for name in names if _fits(name, patterns)]
    if finds_more:
        chosen += patterns
    nearest = ""
    for rule in rules:
        if not rule.covers(caller, person):
            continue
        fault = rule.fault(brief, chosen)
        if fault is None:
            _record(brief, rule.name)
            return Admitted(brief, rule.name)
        nearest = nearest or f"rule {rule.name!r} of agent {agent!r} does not let {_who(caller, person)} {fault}"
    raise RefusedError(
        nearest or f"no rule of agent {agent!r} lets {_who(caller, person)} give its runs anything but a goal"
    )


def _record(brief: Brief, rule: str) -> None:
    given: Mapping[str, object] = {
        "rule": rule,
        "instructions": len(brief.instructions),
        "tools": None if brief.tools is None else list(brief.tools),
        "model": brief.model,
        "context": len(brief.context),
    }
    workflow.upsert_memo({MEMO: given})


def _who(caller: str, person: str | None) -> str:
    return repr(caller) if person is None else f"{caller!r} for {person!r}"


def _name(tool: HasName) -> str:
    return f"{tool.service}.{tool.operation}"


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
