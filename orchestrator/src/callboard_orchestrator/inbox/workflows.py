"""The workflow behind a question: it waits for one answer or for the end of its time."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import VersioningBehavior

from callboard_contracts import RefusedError
from callboard_contracts.inbox import v1 as inbox
from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    from callboard_kit import events
    from callboard_kit.approvals.answers import Answer, read_answer
    from callboard_kit.identity import InvalidTokenError
    from callboard_orchestrator.inbox.messages import Answering, Asked

ASKED: Final = "asked"
"""The member of a gate's memo that holds the question as it lies in the inbox."""


# A person may take weeks: no build is kept alive for that.
@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Gate:
    """Holds one question until somebody who may answers it, or nobody did in time."""

    @workflow.init
    def __init__(self, question: inbox.Question) -> None:
        # As the handler noted it, which knows from the call who asks.
        self._asked = workflow.memo_value(ASKED, type_hint=Asked)
        self._verdict: inbox.Verdict | None = None

    @workflow.run
    async def run(self, question: inbox.Question) -> inbox.Verdict:
        """Wait, ask others if the question says so, and tell how it ended."""
        asked = self._asked
        events.tell(
            events.ApprovalAsked(
                approval=asked.gate,
                action=f"{question.service} {question.operation}",
                # Not the question's own reason, which may quote what the contract says is sensitive.
                reason=question.rule,
                expires=asked.until,
            )
        )
        await self._until_answered(question.patience_seconds)
        if self._verdict is None and question.then == "escalate" and question.escalation is not None:
            others = question.escalation
            self._asked = asked.model_copy(
                update={
                    "approvers": others.approvers,
                    "until": workflow.now() + timedelta(seconds=others.patience_seconds),
                    "escalated": True,
                }
            )
            workflow.upsert_memo({ASKED: self._asked})
            await self._until_answered(others.patience_seconds)
        verdict = self._verdict or inbox.Verdict(gate=asked.gate, outcome="expired")
        decision = "rejected" if verdict.outcome == "refused" else verdict.outcome
        events.tell(events.ApprovalAnswered(approval=asked.gate, decision=decision, by=verdict.person or ""))
        return verdict

    @workflow.update
    def answer(self, answering: Answering) -> inbox.Verdict:
        """Take an answer. The first one counts."""
        self._verdict = inbox.Verdict(
            gate=self._asked.gate,
            outcome="approved" if answering.approve else "refused",
            person=answering.person,
            reason=answering.reason,
            remember=answering.remember,
            statement=answering.statement,
        )
        return self._verdict

    @answer.validator
    def _may_answer(self, answering: Answering) -> None:
        if self._verdict is not None:
            raise RefusedError(
                f"{self._asked.gate} is answered already: {self._verdict.outcome} by {self._verdict.person}"
            )
        said = self._read(answering)
        if Answering.of(answering.statement) != answering:
            raise RefusedError(f"the answer to {self._asked.gate} does not say what its statement says")
        if not said.person.is_among(self._asked.approvers):
            raise RefusedError(
                f"{said.person.name!r} may not answer {self._asked.gate}; it is for {', '.join(self._asked.approvers)}"
            )

    def _read(self, answering: Answering) -> Answer:
        try:
            return read_answer(
                answering.statement, self._asked.question, find_key=mesh.vouched_key, now=workflow.time()
            )
        except InvalidTokenError as error:
            raise RefusedError(f"the answer to {self._asked.gate} does not count: {error}") from None

    async def _until_answered(self, seconds: float) -> None:
        try:
            await workflow.wait_condition(lambda: self._verdict is not None, timeout=timedelta(seconds=seconds))
        except TimeoutError:
            return
