"""Where the guards of one run stand: each is heard, and what cannot be evaluated blocks.

All of it happens in the workflow: what a guard says is the same when it is replayed, since a function is pure and
what an activity or a judge said stands in the history. What blocked is told live (`guard.blocked`), kept in the run's
outcome, and in its memo, where it can be seen without reading the history.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import is_cancelled_exception

from callboard_kit import events, mesh
from callboard_kit.approvals.asking import Questions
from callboard_kit.approvals.policies import Judgement
from callboard_kit.approvals.terms import Proposal
from callboard_kit.guards import judging
from callboard_kit.guards.contexts import Answering, Asking, Doing
from callboard_kit.guards.declaring import (
    AfterModel,
    BeforeEffect,
    BeforeModel,
    ByActivity,
    ContextT,
    Guard,
    Judge,
    Means,
)
from callboard_kit.guards.verdicts import Ruling, Stage, Verdict, refuse

MEMO: Final = "callboard_guards"
"""The field of a run's memo that holds the last of its rulings."""

MOST_KEPT: Final = 20
"""Rulings that a memo and an outcome hold: the last of them."""

LONGEST_REASON: Final = 500

AskJudge = Callable[[Judge, str, str], Awaitable[str]]
"""Asks a model: the judge, the system's words, what is judged; the answer's text. Raises when there is none."""


@dataclass(frozen=True)
class Held:
    """What the guards say to one thing: refused, or on whose agreement it depends."""

    refusal: str = ""
    """Why it may not happen. Empty: no guard refused it."""

    demands: Sequence[Judgement] = ()
    """What persons must agree to first."""


class GuardPost:
    """Hears the guards of one run, and keeps what they said."""

    def __init__(self, guards: Sequence[Guard], *, ask_judge: AskJudge | None = None) -> None:
        self._before_model = [each for each in guards if isinstance(each, BeforeModel)]
        self._after_model = [each for each in guards if isinstance(each, AfterModel)]
        self._before_effect = [each for each in guards if isinstance(each, BeforeEffect)]
        self._ask_judge = ask_judge
        self._rulings: list[Ruling] = []

    @property
    def stands(self) -> bool:
        """Tell whether there is any guard."""
        return bool(self._before_model or self._after_model or self._before_effect)

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """Return what was not simply let pass, the oldest first."""
        return tuple(self._rulings)

    async def before_model(self, asking: Asking) -> str:
        """Return why the model may not be asked this; empty when it may. Asks a person where a guard says so."""
        return await self._agreed([(each.name, each.check) for each in self._before_model], asking, "the request")

    async def after_model(self, answering: Answering) -> str:
        """Return why what the model said must be taken back; empty when it stands."""
        about = [(each.name, each.check) for each in self._after_model if answering.final or not each.only_answers]
        return await self._agreed(about, answering, "the answer" if answering.final else "the model's words")

    async def before_effect(self, doing: Doing) -> Held:
        """Return what the guards say to something that is about to be done."""
        demands: list[Judgement] = []
        what = f"{doing.service} {doing.operation}"
        for guard in self._before_effect:
            # A guard whose pattern cannot be held against this would be one that was not asked.
            if not guard.covers(doing.name, doing.effect):
                continue
            verdict = await self._heard(guard.name, guard.check, doing, "before_effect", what)
            if verdict.action == "refuse":
                return Held(refusal=_blocked(guard.name, verdict))
            if verdict.action == "ask":
                demands.append(_demand(guard.name, verdict))
        return Held(demands=demands)

    def note(self, guard: str, stage: Stage, what: str, reason: str) -> None:
        """Keep what a rule of the loop's own blocked."""
        self._keep(Ruling(guard=guard, stage=stage, what=what, action="refuse", reason=reason), in_memo=False)

    async def _agreed(self, guards: Sequence[tuple[str, Means[ContextT]]], context: ContextT, what: str) -> str:
        stage: Stage = "before_model" if isinstance(context, Asking) else "after_model"
        for name, check in guards:
            verdict = await self._heard(name, check, context, stage, what)
            if verdict.action == "refuse":
                return _blocked(name, verdict)
            if verdict.action == "ask":
                decision = await Questions.of_this_run().ask(_proposal(context, what), _demand(name, verdict))
                if not decision.allowed:
                    return f"guard {name!r}: {decision.reason}"
        return ""

    async def _heard(self, name: str, check: Means[ContextT], context: ContextT, stage: Stage, what: str) -> Verdict:
        """Return the verdict of one guard, and keep it; a guard without a verdict blocks."""
        evaluated = True
        try:
            verdict = await self._verdict(check, context)
        except Exception as error:  # Whatever a guard fails with, it must block.
            if is_cancelled_exception(error) and workflow.cancellation_reason() is not None:
                raise
            workflow.logger.warning("guard %r could not be evaluated over %s", name, what, exc_info=error)
            evaluated, verdict = False, refuse(f"it could not be evaluated ({_failure(error)})")
        if verdict.action != "pass":
            reason = verdict.reason[:LONGEST_REASON]
            self._keep(
                Ruling(guard=name, stage=stage, what=what, action=verdict.action, reason=reason, evaluated=evaluated)
            )
        return verdict

    async def _verdict(self, check: Means[ContextT], context: ContextT) -> Verdict:
        if isinstance(check, Judge):
            if self._ask_judge is None:
                raise TypeError("there is no model to judge here")
            answer = await self._ask_judge(check, judging.instructions(check), judging.subject(context))
            return judging.read(answer, check)
        if isinstance(check, ByActivity):
            return await _by_activity(check, context)
        return _required(check(context))

    def _keep(self, ruling: Ruling, *, in_memo: bool = True) -> None:
        self._rulings = [*self._rulings, ruling][-MOST_KEPT:]
        if ruling.action == "refuse":
            call = mesh.maybe_current()
            # A reason may quote what a model said; where that is sensitive it stays with the team.
            reason = "" if call is not None and call.wordless else ruling.reason
            events.tell(events.GuardBlocked(guard=ruling.guard, what=ruling.what, reason=reason))
        if in_memo:
            workflow.upsert_memo({MEMO: [each.model_dump(mode="json") for each in self._rulings]})


def _required(verdict: object) -> Verdict:
    """Return a verdict. Nothing else is one, whatever a function's signature promises: not None, not True."""
    if not isinstance(verdict, Verdict):
        raise TypeError(f"it returned a {type(verdict).__name__} and no verdict")
    return verdict


async def _by_activity(check: ByActivity, context: Asking | Answering | Doing) -> Verdict:
    shown = context.model_copy(update={"heard": ()}) if isinstance(context, Doing) else context
    # Without a type to read it as: what is no verdict must block here, and not keep the run from going on for ever.
    said: object = await workflow.execute_activity(
        check.activity,
        args=[shown, dict(check.given)] if check.given else [shown],
        schedule_to_close_timeout=check.timeout,
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_attempts=check.attempts),
    )
    return Verdict.model_validate(said)


def _failure(error: Exception) -> str:
    """Say what a guard failed with, and nothing of what it was shown."""
    if isinstance(error, judging.NoJudgementError):
        return f"the judge's answer cannot be read: {error}"
    if isinstance(error, ValidationError):
        return "what it returned is no verdict"
    link: BaseException = error
    while link.__cause__ is not None:
        link = link.__cause__
    return type(link).__name__


def _blocked(name: str, verdict: Verdict) -> str:
    return f"guard {name!r} does not allow it: {verdict.reason or 'it gave no reason'}"


def _demand(name: str, verdict: Verdict) -> Judgement:
    return Judgement("ask", rule=f"guard {name}", reason=verdict.reason, terms=verdict.terms)


def _proposal(context: Asking | Answering | Doing, what: str) -> Proposal:
    words = context.text if isinstance(context, Answering) else context.goal
    return Proposal(
        tool="",
        service="local",
        operation="answer" if isinstance(context, Answering) else "ask_model",
        arguments={"about": what},
        effect="read",
        sensitive={},
        words=words,
        agent=context.agent,
    )
