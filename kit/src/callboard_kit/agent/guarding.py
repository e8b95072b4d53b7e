"""The guards of one run of the loop: shown what happens in it, in their own words."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, TypedDict

from temporalio import workflow
from temporalio.common import RetryPolicy

from callboard_contracts import UnavailableError, Usage
from callboard_kit import mesh
from callboard_kit.agent.knowing import CONTEXT
from callboard_kit.agent.messages import CALL_MODEL, ChatMessage, ModelReply, ModelRequest, OutputSpec, ToolCall
from callboard_kit.agent.tools import Tool
from callboard_kit.approvals.terms import Proposal
from callboard_kit.context.pieces import Context
from callboard_kit.guards.contexts import Answering, Asking, Called, Doing, Heard
from callboard_kit.guards.declaring import Guard, Judge
from callboard_kit.guards.judging import FORM
from callboard_kit.guards.post import GuardPost, Held
from callboard_kit.guards.verdicts import Ruling

REPEATS: Final = "repeats"
"""What the limit on calls that are made again and again is called among the guards."""

TAKEN_BACK: Final = "(taken back)"
"""What stands in the conversation in the place of words that a guard took back."""

JUDGEMENT: Final = OutputSpec(name="Judgement", parameters=FORM)
"""The form of a judge's answer, by which its requests are told from the agent's own."""

_HEARTBEAT: Final = timedelta(seconds=10)


class _Known(TypedDict):
    """What every context has."""

    agent: str
    goal: str
    step: int
    caller: str
    person: str | None


class Guarding:
    """Stands between a run and everything it reads, says and does."""

    def __init__(
        self,
        guards: Sequence[Guard],
        *,
        agent: str,
        goal: str,
        model: str | None,
        money_left: Callable[[], float | None],
        used: Callable[[Usage], None],
    ) -> None:
        self._post = GuardPost(guards, ask_judge=self._ask_judge)
        self._agent = agent
        self._goal = goal
        self._model = model
        self._money_left = money_left
        self._used = used
        self._heard: list[Heard] = []
        self._told = 0
        self._step = 0

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """Return what was not simply let pass."""
        return self._post.rulings

    async def may_ask(self, messages: Sequence[ChatMessage]) -> str:
        """Return why the model may not be asked with these messages; empty when it may."""
        self._step += 1
        if not self._post.stands:
            return ""
        news, self._told = self._heard[self._told :], len(self._heard)
        said = _said_last(messages)
        return await self._post.before_model(Asking(**self._known(), said=said, heard=tuple(news)))

    async def takes_back(self, reply: ModelReply, output: Mapping[str, object] | None) -> str:
        """Return why what the model said does not count; empty when it stands."""
        if not self._post.stands or reply.finish_reason == "over_budget":  # Then it was not asked.
            return ""
        calls = tuple(Called(tool=call.name, arguments=call.arguments) for call in reply.tool_calls)
        answering = Answering(**self._known(), text=reply.content or "", calls=calls, output=output)
        return await self._post.after_model(answering)

    async def holds(self, proposal: Proposal) -> Held:
        """Return what the guards say to a call that is about to be made."""
        if not self._post.stands:
            return Held()
        doing = Doing(
            **self._known(),
            tool=proposal.tool,
            service=proposal.service,
            operation=proposal.operation,
            arguments=proposal.arguments,
            effect=proposal.effect,
            words=proposal.words,
            heard=tuple(self._heard),
        )
        return await self._post.before_effect(doing)

    def goes_in_circles(self, tool: Tool, fault: str) -> None:
        """Keep that a call was one too many of the same."""
        self._post.note(REPEATS, "before_effect", f"{tool.service} {tool.operation}", fault)

    def answered(self, call: ToolCall, tool: Tool, arguments: Mapping[str, object], result: object) -> None:
        """Remember what a call was answered, for the guards that are still to come."""
        if self._post.stands:
            heard = Heard(
                tool=call.name, service=tool.service, operation=tool.operation, arguments=arguments, result=result
            )
            self._heard.append(heard)

    def prepared(self, context: Context) -> None:
        """Remember what the model was given to know, for the guards that are still to come."""
        if self._post.stands:
            for each in context.chosen:
                heard = Heard(
                    tool=CONTEXT, service="local", operation=each.source, arguments={}, result=each.piece.content
                )
                self._heard.append(heard)

    def _known(self) -> _Known:
        call = mesh.maybe_current()
        return {
            "agent": self._agent,
            "goal": self._goal,
            "step": self._step,
            "caller": "" if call is None else call.caller or "",
            "person": None if call is None else call.person,
        }

    async def _ask_judge(self, judge: Judge, system: str, subject: str) -> str:
        """Ask a model for a judgement, once. It costs what it costs, and that counts as the run's.

        Raises:
            UnavailableError: It did not end with an answer.
            FailureError: It could not be asked in time.
        """
        request = ModelRequest(
            messages=(ChatMessage(role="system", content=system), ChatMessage(role="user", content=subject)),
            model=judge.model or self._model,
            output=JUDGEMENT,
            budget_usd=self._money_left(),
        )
        reply: ModelReply = await workflow.execute_activity(
            CALL_MODEL,
            request,
            result_type=ModelReply,
            schedule_to_close_timeout=judge.timeout,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
        )
        self._used(reply.usage)
        if reply.tool_calls or reply.finish_reason != "stop":
            raise UnavailableError(f"the judge gave no answer: {reply.finish_reason}")
        return reply.content or ""


def taken_back(why: str, calls: Sequence[ToolCall]) -> tuple[ChatMessage, ChatMessage]:
    """Return what stands in the conversation in the place of words that were taken back."""
    lost = f" None of the {len(calls)} calls was made." if calls else ""
    told = f"What you just said was taken back and nobody has seen it: {why}.{lost} Say something else."
    return (
        ChatMessage(role="assistant", content=TAKEN_BACK),
        ChatMessage(role="user", content=told, own=True),
    )


def _said_last(messages: Sequence[ChatMessage]) -> tuple[str, ...]:
    """Return what whoever asks said since the model last spoke."""
    said: list[str] = []
    for message in reversed(messages):
        if message.role == "assistant":
            break
        if message.role == "user" and not message.own and message.source is None:
            said.append(message.content or "")
    return tuple(reversed(said))
