"""The agent loop: ask the model, do what it asks for, tell it what came of it, until it answers.

`agent_run` is called from any workflow. Each model call is one activity and each
tool call one operation or activity, so all that happened stands in the history:
after a crash the run goes on where it was, and a finished call is never made again.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from callboard_contracts import MeshError, RefusedError, UnavailableError, Usage
from callboard_kit import events
from callboard_kit.agent import tracing, watching
from callboard_kit.agent.arguments import AnswerForm, MalformedArgumentsError
from callboard_kit.agent.course import Courses
from callboard_kit.agent.dialogue import Dialogue
from callboard_kit.agent.finding import ToolSearch
from callboard_kit.agent.guarding import Guarding, taken_back
from callboard_kit.agent.hooking import Hooking, HookStoppedError
from callboard_kit.agent.knowing import messages_of, prepared, usage_of
from callboard_kit.agent.messages import CALL_MODEL, ChatMessage, ModelReply, ModelRequest, OutputSpec, ToolCall
from callboard_kit.agent.offer import FINDING, Offer
from callboard_kit.agent.outcome import NOTHING, CallRecord, Limits, Outcome, StoppedBecause, total
from callboard_kit.agent.repeats import Repeats
from callboard_kit.agent.spending import Spending
from callboard_kit.agent.tools import Tool
from callboard_kit.approvals.asking import ALLOWED, Decision
from callboard_kit.approvals.desk import ApprovalDesk
from callboard_kit.approvals.policies import ApprovalPolicy, Automatic
from callboard_kit.approvals.terms import Proposal
from callboard_kit.budgets.granting import AskForMore
from callboard_kit.budgets.sharing import NOTHING as NO_AMOUNT
from callboard_kit.budgets.sharing import Amount, one_of, paying_from
from callboard_kit.context.pieces import Piece, Prepared
from callboard_kit.context.plan import ContextPlan
from callboard_kit.failing import from_failure
from callboard_kit.guards.declaring import Guard
from callboard_kit.hooks.calling import Hooks, Stopped
from callboard_kit.memory.secrecy import note, noting

_ANYTHING: Final = TypeAdapter[object](object)
DRY: Final = "a dry run: the call was not made and nothing was changed; go on as if it had been"
"""What the model hears of a call that is left out because the run is dry."""

_HEARTBEAT: Final = timedelta(seconds=10)
_PATIENT: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
)


async def agent_run(
    goal: str,
    *,
    instructions: str,
    tools: Sequence[Tool] = (),
    search: ToolSearch | None = None,
    limits: Limits | None = None,
    model: str | None = None,
    approvals: ApprovalPolicy | None = None,
    output: OutputSpec | None = None,
    name: str = "agent",
    dialogue: Dialogue | None = None,
    guards: Sequence[Guard] = (),
    values: type[BaseModel] | None = None,
    hooks: Sequence[str] = (),
    more: AskForMore | None = None,
    resettable: bool = False,
    context: ContextPlan | None = None,
    given: Sequence[Piece] = (),
) -> Outcome:
    """Let a model work on a goal, with tools, within limits. Only from a workflow.

    Args:
        goal: What is wanted; the model gets it as the user's words, unchanged.
        instructions: Who the agent is and what it must keep to; the model gets them as the system's words.
        tools: What it may call. Beyond `MOST_OFFERED` of them it is given a search instead of all their schemas.
        search: Finds further tools, when there are more than a history should hold; the model can then call them too.
        limits: How far it may go.
        model: The model to ask, if not the one the worker was started with.
        approvals: What a person must agree to first. Absent: nothing.
        output: The form that the answer must have. Absent: words.
        name: What the agent is called in traces and in questions for approval.
        dialogue: What was said before, and what is said meanwhile. Absent: the goal is all there is.
        guards: Who looks at what the model is asked, at what it says, and at what is about to be done.
        values: The type whose own validators an answer in a form must pass beside its schema.
        hooks: The worker's groups of hooks that see, change and stop what happens.
        more: What it may ask for when a budget is used up. Absent: nothing; it stops with what it has.
        resettable: Whether the run may be reset to one of its steps; it then waits there to be told how to go on.
        context: Where what the model is to know before it begins comes from. Absent: nowhere.
        given: What whoever started the run gave it to know.

    Raises:
        UnavailableError: The model could not be reached in time, or kept writing arguments that cannot be read.
        RefusedError: The model's provider refused the conversation as such.
    """
    courses = Courses(resettable=resettable)
    with tracing.agent(name), noting():
        desk = ApprovalDesk(approvals or Automatic())
        form = AnswerForm(output, values) if output else None
        offer = Offer(tools, search)
        hooking = Hooking(Hooks.named(hooks), agent=name)
        limits = limits or Limits()
        with Spending(limits, more=more, name=name) as spending:
            known = await prepared(context, given, goal, agent=name, spending=spending)
            post = (guards, hooking, spending, courses, known)
            return await _Run(goal, instructions, offer, limits, model, desk, form, name, dialogue, *post).go()


@dataclass(frozen=True)
class _Done:
    """A tool call that is over: what the model hears of it, what the record says, and what it used up."""

    message: ChatMessage
    record: CallRecord
    usage: Usage = NOTHING


class _Run:
    """One run: the conversation and what it has come to."""

    def __init__(
        self,
        goal: str,
        instructions: str,
        offer: Offer,
        limits: Limits,
        model: str | None,
        desk: ApprovalDesk,
        form: AnswerForm | None,
        name: str,
        dialogue: Dialogue | None,
        guards: Sequence[Guard],
        hooking: Hooking,
        spending: Spending,
        courses: Courses,
        known: Prepared,
    ) -> None:
        self._courses = courses
        self._hooking = hooking
        self._spending = spending
        self._dialogue = dialogue or Dialogue()
        self._form = form
        self._output: dict[str, object] | None = None
        self._repeats = Repeats(limits.max_repeats)
        self._desk = desk
        self._name = name
        self._offer = offer
        self._limits = limits
        self._model = model
        self._turns = asyncio.Semaphore(limits.max_parallel)
        self._calls: list[CallRecord] = []
        self._used: list[Usage] = [*usage_of(known)]
        self._words: list[str] = []
        self._step = ""
        self._guarding = Guarding(
            guards, agent=name, goal=goal, model=model, money_left=self._spending.money_left, used=self._note
        )
        self._messages = self._system(instructions)
        self._messages.extend(self._dialogue.before)
        self._dialogue.begins(self._messages)
        self._messages.append(ChatMessage(role="user", content=goal))
        self._messages.extend(messages_of(known))
        self._guarding.prepared(known.context)
        self._sources = known.sources

    def _system(self, instructions: str) -> list[ChatMessage]:
        system = "\n\n".join(part for part in (instructions, self._offer.notice) if part)
        return [ChatMessage(role="system", content=system)] if system else []

    async def _take_course(self) -> None:
        """Go on otherwise, where the run was reset to the step that comes now."""
        course = await self._courses.next()
        if course is None:
            return
        self._model = course.model or self._model
        if course.instructions is not None:
            has_system = bool(self._messages) and self._messages[0].role == "system"
            self._messages[: int(has_system)] = self._system(course.instructions)

    async def go(self) -> Outcome:
        """Take steps until the model answers, a limit is reached, or a hook says to stop."""
        try:
            return await self._steps()
        except HookStoppedError as stop:
            return self._outcome("stopped", str(stop))

    async def _steps(self) -> Outcome:
        malformed_in_a_row = misformed_in_a_row = taken_back_in_a_row = 0
        for _ in range(self._limits.max_steps):
            await self._take_course()
            short = self._spending.short_of(self._request())
            if short and not await self._spending.more(short, self._words[-1] if self._words else ""):
                return self._outcome(short)
            self._dialogue.catch_up(self._messages)
            if why := await self._guarding.may_ask(self._messages):
                return self._outcome("guarded", why)
            reply, why = await self._ask()
            if reply.finish_reason == "over_budget":
                if reply.budget:
                    return self._outcome("budget", reply.budget)
                if not await self._spending.more(self._spending.tight, self._words[-1] if self._words else ""):
                    return self._outcome(self._spending.tight)
                self._messages.pop()  # It has said nothing.
                continue
            taken_back_in_a_row = taken_back_in_a_row + 1 if why else 0
            if why and taken_back_in_a_row > self._limits.max_corrections:
                return self._outcome("guarded", why)
            if why:
                continue
            if not reply.tool_calls:
                fault = self._misformed(reply)
                if fault is None and self._dialogue.catch_up(self._messages):
                    continue
                if fault is None:
                    return self._outcome(_reason(reply.finish_reason))
                misformed_in_a_row += 1
                if misformed_in_a_row > self._limits.max_corrections:
                    raise UnavailableError(
                        f"the model answered {misformed_in_a_row} times in a form that cannot be read: {fault}"
                    )
                continue
            misformed_in_a_row = 0
            self._spending.waiting = len(reply.tool_calls)
            done = await asyncio.gather(*(self._do(call) for call in reply.tool_calls))
            self._messages.extend(one.message for one in done)
            self._calls.extend(one.record for one in done)
            self._used.extend(one.usage for one in done)
            malformed = next((one.record for one in done if one.record.outcome == "malformed"), None)
            malformed_in_a_row = malformed_in_a_row + 1 if malformed else 0
            if malformed and malformed_in_a_row > self._limits.max_corrections:
                raise UnavailableError(
                    f"the model wrote malformed tool calls {malformed_in_a_row} times in a row, "
                    f"the last for {malformed.operation!r}: {malformed.error}"
                )
        return self._outcome("max_steps")

    def _misformed(self, reply: ModelReply) -> str | None:
        """Read the answer in the form that was asked for; have the model correct one that is none, and say why."""
        if self._form is None or reply.finish_reason != "stop":
            return None
        try:
            self._output = self._form.read(reply.content or "")
        except MalformedArgumentsError as error:
            asked = f"Your answer cannot be read: {error}. Answer again, with nothing but the JSON object."
            self._messages.append(ChatMessage(role="user", content=asked, own=True))
            return str(error)
        return None

    def _fitting(self, reply: ModelReply) -> dict[str, object] | None:
        """Return the answer in the form that was asked for, if this is one."""
        if self._form is None or reply.tool_calls:
            return None
        try:
            return self._form.read(reply.content or "")
        except MalformedArgumentsError:
            return None

    async def _ask(self) -> tuple[ModelReply, str]:
        """Ask the model once; the activity is tried again as long as that may help.

        Returns:
            What it said, and why that does not count; empty when it does.
        """
        paid = self._spending.pay(await self._hooking.asking(self._request()))
        with events.step() as step:
            try:
                reply: ModelReply = await workflow.execute_activity(
                    CALL_MODEL,
                    paid.request,
                    result_type=ModelReply,
                    start_to_close_timeout=self._spending.in_time(self._limits.model_timeout),
                    schedule_to_close_timeout=self._spending.in_time(self._limits.model_patience),
                    heartbeat_timeout=_HEARTBEAT,
                    retry_policy=_PATIENT,
                )
            except FailureError as error:
                paid.loan.settle(NO_AMOUNT)
                translated = from_failure(error, what="the model")
                if translated is None:
                    raise
                raise translated from error
        paid.loan.settle(Amount.of(reply.usage))
        self._used.append(reply.usage)
        hooked = await self._hooking.answered(reply)
        if isinstance(hooked, Stopped):
            watching.step_taken_back(step, reply, hooked.reason)
            raise HookStoppedError(hooked.reason)
        reply = hooked
        if why := await self._guarding.takes_back(reply, self._fitting(reply)):
            watching.step_taken_back(step, reply, why)
            self._messages.extend(taken_back(why, reply.tool_calls))
            return reply, why
        watching.step_ended(step, reply)
        self._step = step.id
        if reply.content:
            self._words.append(reply.content)
        self._messages.append(ChatMessage(role="assistant", content=reply.content, tool_calls=reply.tool_calls))
        return reply, ""

    def _request(self) -> ModelRequest:
        return ModelRequest(
            messages=tuple(self._messages),
            tools=self._offer.specs,
            model=self._model,
            output=None if self._form is None else self._form.spec,
        )

    def _note(self, usage: Usage) -> None:
        """Count what a guard's model took."""
        self._spending.note(usage)
        self._used.append(usage)

    async def _do(self, call: ToolCall) -> _Done:
        """Do one tool call, and tell whoever watches."""
        watching.tool_called(self._step, call, self._offer.find(call.name))
        try:
            done = await self._call(call)
        finally:
            self._spending.waiting -= 1
        watching.tool_returned(call, done.record)
        return done

    async def _call(self, call: ToolCall) -> _Done:
        """Make one tool call when its turn comes, and turn whatever happens into words for the model."""
        tool = self._offer.find(call.name)
        if tool is None:
            error = f"there is no tool {call.name!r}; use one of those offered"
            return _failed(call, "local", call.name, "malformed", error)
        try:
            arguments = self._offer.read(call)
        except MalformedArgumentsError as error:
            return _failed(call, tool.service, tool.operation, "malformed", str(error))
        if fault := self._repeats.fault(call.name, arguments):
            self._guarding.goes_in_circles(tool, fault)
            return _failed(call, tool.service, tool.operation, "refused", fault)
        if call.name not in FINDING:
            hooked = await self._hooking.calling(call, tool, arguments, self._offer.read)
            if isinstance(hooked, Stopped):
                return _failed(call, tool.service, tool.operation, "refused", hooked.reason)
            arguments = hooked
        if self._courses.dry and tool.effect != "read":
            return _failed(call, tool.service, tool.operation, "refused", DRY)
        decision = await self._decide(self._proposal(call, tool, arguments))
        if not decision.allowed:
            return _failed(call, tool.service, tool.operation, "refused", decision.reason)
        async with self._turns:
            with tracing.tool(call) as span:
                try:
                    with paying_from(self._spending.purse), one_of(self._spending.parts):
                        result = await tool.call(arguments)
                except (MeshError, FailureError) as error:
                    # Where it is this run that is being cancelled, `gather` ends it, whatever is told here.
                    what = f"{tool.service} {tool.operation}"
                    failure = from_failure(error, what=what) or MeshError(
                        f"{tool.service} {tool.operation} was cancelled by the other side"
                    )
                    span.failed(type(failure).__name__)
                    await self._hooking.called(call, tool, arguments, error=str(failure))
                    return _failed(call, tool.service, tool.operation, _outcome_of(failure), str(failure), called=True)
        try:
            document: object = _ANYTHING.dump_python(result, mode="json")
            note(arguments, tool.sensitive)
            note(document, tool.sensitive)
            heard = await self._hooking.called(call, tool, arguments, result=document)
            called = _usage_inside(document)
            self._spending.note_called(called)
            usage = total([Usage(tool_calls=1), called])
            if isinstance(heard, Stopped):
                failed = _failed(call, tool.service, tool.operation, "refused", heard.reason)
                return replace(failed, usage=usage)
            return self._succeeded(call, tool, arguments, heard, usage)
        except ValueError:
            return _failed(call, tool.service, tool.operation, "failed", "the result is no JSON", called=True)

    async def _decide(self, proposal: Proposal) -> Decision:
        """Hear the guards, and whoever must agree, before something is done."""
        if proposal.tool in FINDING:
            return ALLOWED  # Looking for tools changes nothing, whatever anybody says.
        held = await self._guarding.holds(proposal)
        if held.refusal:
            return Decision(allowed=False, reason=held.refusal)
        return await self._hooking.decide(self._desk, proposal, held.demands)

    def _proposal(self, call: ToolCall, tool: Tool, arguments: dict[str, object]) -> Proposal:
        """Return what is put before the approval policy. What the model said stands in its last message."""
        properties = tool.spec.parameters.get("properties")
        return Proposal(
            tool=call.name,
            service=tool.service,
            operation=tool.operation,
            arguments=arguments,
            effect=tool.effect,
            sensitive=tool.sensitive,
            fields=frozenset(cast("dict[str, object]", properties)) if isinstance(properties, dict) else frozenset(),
            words=self._messages[-1].content or "",
            agent=self._name,
        )

    def _succeeded(
        self, call: ToolCall, tool: Tool, arguments: dict[str, object], document: object, usage: Usage
    ) -> _Done:
        self._guarding.answered(call, tool, arguments, document)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        if len(text) > self._limits.max_result_characters:
            most = self._limits.max_result_characters
            cut = {"beginning": text[:most], "cut_off_characters": len(text) - most}
            text = json.dumps(cut, ensure_ascii=False, separators=(",", ":"))
        record = CallRecord(service=tool.service, operation=tool.operation, outcome="ok")
        message = ChatMessage(role="tool", content=text, tool_call_id=call.id)
        return _Done(message, record, usage)

    def _outcome(self, reason: StoppedBecause, why: str = "") -> Outcome:
        answer = self._words[-1] if self._words else ""
        if limit := self._spending.limit_in_words(reason):
            answer = f"Stopped at the limit of {limit}, before the work was done. {answer}".strip()
        elif reason == "budget":
            answer = f"Stopped before the work was done: {why}. {answer}".strip()
        elif reason in ("guarded", "stopped"):
            answer = f"Stopped: {why}. {answer}".strip()
        return Outcome(
            answer=answer,
            calls=tuple(self._calls),
            usage=total(self._used),
            stopped_because=reason,
            output=self._output,
            rulings=self._guarding.rulings,
            sources=self._sources,
        )


def _failed(call: ToolCall, service: str, operation: str, outcome: str, error: str, *, called: bool = False) -> _Done:
    """Tell the model what went wrong, as a result it can act on."""
    record = CallRecord.model_validate({"service": service, "operation": operation, "outcome": outcome, "error": error})
    text = json.dumps({"error": {"kind": outcome, "message": error}}, ensure_ascii=False)
    message = ChatMessage(role="tool", content=text, tool_call_id=call.id)
    return _Done(message, record, Usage(tool_calls=1) if called else NOTHING)


def _outcome_of(error: MeshError) -> str:
    match error:
        case RefusedError():
            return "refused"
        case UnavailableError():
            return "unavailable"
        case _:
            return "failed"


def _usage_inside(document: object) -> Usage:
    """Read what a called agent used up, which stands in its result as `usage`."""
    if not isinstance(document, dict) or "usage" not in document:
        return NOTHING
    try:
        return Usage.model_validate(document["usage"])
    except ValidationError:
        return NOTHING  # some other thing that happens to be called usage


def _reason(finish_reason: str) -> StoppedBecause:
    match finish_reason:
        case "length":
            return "cut_off"
        case "content_filter":
            return "filtered"
        case "over_budget":
            return "max_cost"
        case _:
            return "answered"
