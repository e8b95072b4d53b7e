"""An agent as configuration: made once, checked when it is made, the same object wherever it works."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from callboard_contracts import Assistance, Effect, Goal, UnavailableError
from callboard_kit import mesh
from callboard_kit.agent.dialogue import Dialogue
from callboard_kit.agent.finding import ToolSearch, narrowed
from callboard_kit.agent.loop import agent_run
from callboard_kit.agent.mcp import tools_of_servers
from callboard_kit.agent.messages import OutputSpec
from callboard_kit.agent.names import name_fault
from callboard_kit.agent.offer import FINDING
from callboard_kit.agent.outcome import Limits, Outcome
from callboard_kit.agent.tools import Tool
from callboard_kit.approvals.policies import ApprovalPolicy, AskForAll
from callboard_kit.budgets.granting import AskForMore
from callboard_kit.context.briefs import Brief, BriefRule, admitted
from callboard_kit.context.plan import ContextPlan
from callboard_kit.fingerprint.carrying import carrying
from callboard_kit.guards.declaring import Guard, guards_fault
from callboard_kit.hooks.declaring import hook_names_fault
from callboard_kit.mcp_tools.servers import PREFIX, McpServer

OutputT = TypeVar("OutputT", bound=BaseModel)

Mode = Literal["interactive", "autonomous"]
"""`interactive`: somebody waits, so it fails soon when nobody works on it. `autonomous`: it waits."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class AgentConfigurationError(ValueError):
    """An agent that cannot be made as it is written; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class Agent(Generic[OutputT]):
    """Everything that makes an agent what it is.

        desk = Agent(name="orders", instructions="…", tools=TOOLS, approvals=AskForEffects())
        outcome = await desk.run("Cancel order #W1.")     # in a workflow

    Raises:
        AgentConfigurationError: Something in it cannot work, said when it is made and not when it is needed.
    """

    name: str
    """What it is called in traces, in questions for approval and in records: lower-case letters, digits, `_`, `-`."""

    instructions: str
    """Who it is and what it must keep to; the model gets them as the system's words."""

    model: str | None = None
    """The model to ask. Absent: the one the worker was started with."""

    tools: Sequence[Tool] = ()
    """What it may call: operations of teams, activities, pure functions."""

    mcp: Sequence[McpServer] = ()
    """MCP servers whose tools it may call as well, as they are when a run starts."""

    search: ToolSearch | None = None
    """Finds further tools, when there are more than a history should hold."""

    output: type[OutputT] | None = None
    """What it answers with. Absent: words."""

    approvals: ApprovalPolicy = field(default_factory=AskForAll)
    """What a person must agree to first: everything, unless something else is said."""

    guards: Sequence[Guard] = ()
    """Who looks at what its model is asked, at what it says, and at what is about to be done. Each by its name."""

    limits: Limits = field(default_factory=Limits)
    """How far one run may go."""

    more: AskForMore | None = None
    """What a person may be asked for when a budget is used up. Absent: it stops with what it has."""

    hooks: Sequence[str] = ()
    """Groups of hooks, by the names under which its worker registers them, in the order in which they are called."""

    context: ContextPlan | None = None
    """What its model is to know before it begins, and where that comes from. Absent: nothing."""

    briefs: Sequence[BriefRule] = ()
    """Who may give its runs instructions, a choice of tools, a model, or things to know. Absent: nobody anything."""

    mode: Mode = "autonomous"
    """Whether somebody waits for it. Read by whoever starts its runs."""

    def __post_init__(self) -> None:
        """Check what can be checked without running it."""
        object.__setattr__(self, "tools", tuple(self.tools))
        object.__setattr__(self, "mcp", tuple(self.mcp))
        object.__setattr__(self, "guards", tuple(self.guards))
        if not _NAME.fullmatch(self.name):
            raise AgentConfigurationError(
                f"an agent cannot be called {self.name!r}; use lower-case letters, digits, '_' and '-', a letter first"
            )
        if not self.instructions.strip():
            raise AgentConfigurationError(f"agent {self.name!r} has no instructions; say who it is and what it must do")
        if self.mode not in ("interactive", "autonomous"):
            raise AgentConfigurationError(
                f"agent {self.name!r} has mode {self.mode!r}; the modes are 'interactive' and 'autonomous'"
            )
        if not callable(getattr(self.approvals, "judge", None)):
            raise AgentConfigurationError(
                f"agent {self.name!r} has {self.approvals!r} for approvals; use one of callboard_kit.approvals, "
                "or an object with a method `judge`"
            )
        if fault := name_fault((tool.spec.name for tool in self.tools), reserved=FINDING):
            raise AgentConfigurationError(f"agent {self.name!r}: {fault}")
        if fault := self._guards_fault():
            raise AgentConfigurationError(f"agent {self.name!r}: {fault}")
        object.__setattr__(self, "hooks", tuple(self.hooks))
        object.__setattr__(self, "briefs", tuple(self.briefs))
        if fault := self._mcp_fault() or hook_names_fault(self.hooks):
            raise AgentConfigurationError(f"agent {self.name!r}: {fault}")
        _ = self.output_spec

    @property
    def output_spec(self) -> OutputSpec | None:
        """What the model is told about the form of its answer; None when it answers with words."""
        if self.output is None:
            return None
        try:
            schema = self.output.model_json_schema(mode="validation")
        except PydanticUserError as error:
            raise AgentConfigurationError(
                f"agent {self.name!r} cannot answer with {self.output.__name__}: there is no JSON schema of it"
                f" ({error.message})"
            ) from error
        return OutputSpec(name=self.output.__name__, parameters=schema)

    @carrying
    async def run(
        self,
        goal: str,
        *,
        limits: Limits | None = None,
        dialogue: Dialogue | None = None,
        tools: Sequence[Tool] = (),
        approvals: ApprovalPolicy | None = None,
        brief: Brief | None = None,
    ) -> Outcome:
        """Work on a goal and return what came of it. Only from a workflow.

        Args:
            goal: What is wanted; the model gets it as the user's words, unchanged.
            limits: How far this run may go, if not as far as the agent's own limits say.
            dialogue: What was said before, and what is said meanwhile. Absent: the goal is all there is.
            tools: What it may call in this run beside its own tools.
            approvals: What a person must agree to in this run. Absent: what the agent's own policy says.
            brief: What whoever started the run gave it beside the goal. Absent: nothing.

        Raises:
            UnavailableError: The model could not be reached, or kept answering in a form that cannot be read.
            RefusedError: The model's provider refused the conversation as such; or no rule of `briefs` lets the run be
                given what it was.
        """
        foreign = await tools_of_servers(self.mcp)
        held = (*self.tools, *foreign.tools, *tools)
        admission = admitted(brief, self.briefs, agent=self.name, tools=held, finds_more=self.search is not None)
        return await agent_run(
            goal,
            instructions=admission.instructions("\n\n".join(filter(None, (self.instructions, foreign.notice)))),
            tools=admission.chosen(held),
            search=narrowed(self.search, admission.choice()),
            limits=within_tree(limits or self.limits),
            model=admission.brief.model or self.model,
            context=self.context,
            given=admission.brief.context,
            approvals=approvals or self.approvals,
            output=self.output_spec,
            name=self.name,
            dialogue=dialogue,
            guards=self.guards,
            hooks=self.hooks,
            more=self.more,
            values=self.output,
        )

    async def answer(self, goal: str, *, limits: Limits | None = None) -> OutputT:
        """Work on a goal and return the answer as `output` has it.

        Raises:
            TypeError: The agent answers with words.
            UnavailableError: As `run`; or a limit was reached before there was an answer.
            RefusedError: As `run`.
        """
        return self.read(await self.run(goal, limits=limits))

    def read(self, outcome: Outcome) -> OutputT:
        """Return the answer of a run as `output` has it.

        Raises:
            TypeError: The agent answers with words.
            UnavailableError: The run was stopped before there was an answer.
        """
        if self.output is None:
            raise TypeError(
                f"agent {self.name!r} answers with words; give it an `output` to answer with something else"
            )
        if outcome.output is None:
            raise UnavailableError(f"agent {self.name!r} came to no answer: {outcome.stopped_because}")
        return self.output.model_validate(outcome.output)

    async def assist(self, goal: Goal) -> Assistance:
        """Answer a call of an `assist` operation: work on `goal` within the limits of its tree.

        Raises:
            MeshError: As `run`.
        """
        outcome = await self.run(_words(goal))
        return Assistance(answer=outcome.answer, deeds=outcome.deeds, usage=outcome.usage)

    def _guards_fault(self) -> str | None:
        known: list[tuple[str, Effect]] = [(f"{tool.service}.{tool.operation}", tool.effect) for tool in self.tools]
        # What it finds by searching, or on a server, nobody knows yet.
        return guards_fault(self.guards, tools=None if self.search is not None or self.mcp else known)

    def _mcp_fault(self) -> str | None:
        names = [server.name for server in self.mcp]
        if twice := next((name for name in names if names.count(name) > 1), None):
            return f"two MCP servers are called {twice!r}; rename one of them"
        own = next((tool.spec.name for tool in self.tools if tool.spec.name.startswith(PREFIX)), None)
        if self.mcp and own:
            return f"a tool is called {own!r}, as tools of MCP servers are; rename it"
        return None


def within_tree(limits: Limits) -> Limits:
    """Return `limits`, where those of the tree of calls that this code works for are not tighter."""
    call = mesh.maybe_current()
    if call is None:
        return limits
    tree, cost = call.limits, limits.max_cost_usd
    return limits.model_copy(
        update={
            "max_steps": max(1, min(limits.max_steps, tree.steps)),
            "max_tokens": max(1, min(limits.max_tokens, tree.tokens)),
            "max_cost_usd": tree.cost_usd if cost is None else min(cost, tree.cost_usd),
        }
    )


def _words(goal: Goal) -> str:
    facts = "\n".join(f"- {name}: {value}" for name, value in sorted(goal.facts.items()))
    return f"{goal.goal}\n\nKnown for certain:\n{facts}" if facts else goal.goal
