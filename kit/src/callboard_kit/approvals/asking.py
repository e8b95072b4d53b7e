"""Asking a person, from a workflow: the question goes to the inbox, the answer is checked, and it never hangs.

The answer is checked twice: by the inbox when it is given, against the approvers that the question names; and here,
where it has its effect, by an activity that looks at the signature and at whoever may approve by then.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from callboard_contracts import MeshError, UnavailableError
from callboard_contracts.inbox import v1 as inbox
from callboard_kit import mesh
from callboard_kit.approvals.masking import shown
from callboard_kit.approvals.policies import Judgement
from callboard_kit.approvals.terms import Proposal, Terms
from callboard_kit.bound import bound
from callboard_kit.messages import KitMessage

CHECK_ANSWER: Final = "callboard.check_answer"
"""The local activity that tells who gave an answer. The plugin brings it."""

SHORTEST: Final = timedelta(seconds=1)
"""Less time than this is not worth asking in."""

DELIVERY: Final = timedelta(seconds=30)
"""How much longer than the question's own time the asker waits, for the way there and back."""

MOST_WORDS: Final = 4000
MOST_REASONS: Final = 1000


class Given(KitMessage):
    """An answer as the inbox brought it, and the question it belongs to."""

    statement: str
    question: inbox.Question
    approvers: tuple[str, ...]
    """Who may approve, as far as the asker knows."""

    rule: str = ""
    """The rule of the team's own policy that demanded it; its approvers are looked up again. Empty: none of those."""


class Checked(KitMessage):
    """What the answer is worth."""

    good: bool
    person: str = ""
    approve: bool = False
    remember: bool = False
    reason: str = ""
    """What the person said; where the answer is not good, why not."""


@dataclass(frozen=True)
class Decision:
    """Whether something may happen, and why."""

    allowed: bool
    reason: str = ""
    """Why not, in words for whoever wanted it; or who allowed it."""

    person: str = ""
    """Who decided. Empty when nobody did."""

    remember: bool = False
    """Whether it holds for everything of the kind in this run."""


ALLOWED: Final = Decision(allowed=True)
"""It may happen, and nobody need be asked."""


class Questions:
    """Asks the questions of one workflow run, by names that it never uses twice."""

    def __init__(self) -> None:
        self._asked = 0

    @classmethod
    def of_this_run(cls) -> "Questions":
        """Return the questions of the workflow run that this code is part of."""
        return _current.get() or cls()

    async def ask(self, proposal: Proposal, judgement: Judgement, *, own_rule: bool = False) -> Decision:
        """Ask, wait, and return what that means. Cancelling takes the question back.

        Args:
            proposal: What is to be done.
            judgement: Why it is asked, and on which terms.
            own_rule: Whether the rule is one of the team's published policy, which may change meanwhile.
        """
        if mesh.current().dry:
            return Decision(allowed=True, reason="this is a dry run: nobody is asked, and nothing is done")
        terms = judgement.terms
        patience = _patience(terms)
        if patience < SHORTEST:
            return Decision(allowed=False, reason="no time is left to have it approved")
        self._asked += 1
        question = self._question(proposal, judgement, patience)
        what = f"{proposal.service} {proposal.operation}"
        try:
            verdict = await _inbox().execute_operation(
                inbox.Inbox.ask, question, schedule_to_close_timeout=_total(question) + DELIVERY
            )
        except MeshError as error:
            # Not asked is not agreed: whatever happens when nobody *answers* is not for this.
            return Decision(allowed=False, reason=f"{what} needs approval, and nobody could be asked: {error}")
        if verdict.outcome == "expired":
            return _expired(what, terms)
        given = Given(
            statement=verdict.statement,
            question=question,
            approvers=(*terms.approvers, *(terms.escalation.approvers if terms.escalation else ())),
            rule=judgement.rule if own_rule else "",
        )
        checked = await _check(given)
        if not checked.good:
            return Decision(allowed=False, reason=f"{what} was not approved: {checked.reason}")
        said = f": {checked.reason}" if checked.reason else ""
        if not checked.approve:
            return Decision(
                allowed=False, reason=f"{checked.person} did not approve {what}{said}", person=checked.person
            )
        return Decision(
            allowed=True,
            reason=f"approved by {checked.person}{said}",
            person=checked.person,
            remember=checked.remember,
        )

    def _question(self, proposal: Proposal, judgement: Judgement, patience: timedelta) -> inbox.Question:
        terms, escalation = judgement.terms, None
        if terms.escalation is not None:
            seconds = terms.escalation.patience.total_seconds()
            escalation = inbox.Escalation(approvers=terms.escalation.approvers, patience_seconds=seconds)
        return inbox.Question(
            id=f"{workflow.info().run_id}:{self._asked}",
            agent=proposal.agent,
            service=proposal.service,
            operation=proposal.operation,
            arguments=shown(proposal.arguments, proposal.sensitive),
            effect=proposal.effect,
            words=proposal.words[:MOST_WORDS],
            rule=judgement.rule,
            reason=judgement.reason[:MOST_REASONS],
            approvers=terms.approvers,
            patience_seconds=patience.total_seconds(),
            then=terms.then,
            escalation=escalation,
        )


_current: Final[ContextVar[Questions | None]] = ContextVar("callboard_questions", default=None)


@contextmanager
def asking_by(questions: Questions) -> Generator[None]:
    """Have what asks in this block ask by `questions`. For the kit's own interceptors."""
    with bound(_current, questions):
        yield


def _patience(terms: Terms) -> timedelta:
    """Return how long to wait: as the terms say, and no longer than whoever called waits."""
    expires = mesh.current().expires
    if not expires:
        return terms.patience
    # Some of the time is kept for the answer's way back and for what was asked about.
    left = timedelta(seconds=(expires - workflow.time()) * 0.9)
    escalated = terms.escalation.patience if terms.escalation else timedelta(0)
    return min(terms.patience, left - escalated)


def _total(question: inbox.Question) -> timedelta:
    escalated = question.escalation.patience_seconds if question.escalation else 0
    return timedelta(seconds=question.patience_seconds + escalated)


def _expired(what: str, terms: Terms) -> Decision:
    if terms.then == "proceed":
        return Decision(allowed=True, reason="nobody answered in time, and the policy says to proceed then")
    return Decision(allowed=False, reason=f"{what} needs approval, and nobody answered in time")


async def _check(given: Given) -> Checked:
    try:
        return await workflow.execute_local_activity(
            CHECK_ANSWER,
            given,
            result_type=Checked,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=5),
        )
    except (ActivityError, UnavailableError) as error:
        if is_cancelled_exception(error):
            raise
        return Checked(good=False, reason="it could not be checked who answered")
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        return Checked(good=False, reason="it could not be checked who answered")


def _inbox() -> workflow.NexusClient[inbox.Inbox]:
    return workflow.create_nexus_client(service=inbox.Inbox, endpoint=inbox.ENDPOINT)
