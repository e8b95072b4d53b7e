"""The approvals of one run of an agent: what its policy says, what was remembered, and who waits."""

import asyncio
from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from callboard_kit.approvals.asking import ALLOWED, Decision, Questions
from callboard_kit.approvals.policies import ApprovalPolicy, Judgement
from callboard_kit.approvals.terms import Proposal
from callboard_kit.persons import ANYONE

_Kind = tuple[str, str, str]
"""Service, operation, and the rule that a guard asks by; the last is empty for the agent's own policy."""


class ApprovalDesk:
    """Lets through what may happen, and asks about the rest. One for each run."""

    def __init__(self, policy: ApprovalPolicy) -> None:
        self._policy = policy
        self._questions = Questions.of_this_run()
        self._remembered: dict[_Kind, str] = {}
        self._waiting: dict[_Kind, set[asyncio.Task[Decision]]] = {}

    async def decide(self, proposal: Proposal, demands: Sequence[Judgement] = ()) -> Decision:
        """Return whether `proposal` may be done now; waits for a person where one must agree.

        Args:
            proposal: What is to be done.
            demands: What must be agreed to whatever the policy says. Where somebody agreed to one of them just now and
                the policy would ask anyone at all, that is enough for it too.
        """
        judgement = self.judge(proposal)
        if judgement.action == "refuse":
            because = f": {judgement.reason}" if judgement.reason else ""
            return Decision(allowed=False, reason=f"rule {judgement.rule!r} of the agent does not allow it{because}")
        decision, just_now = ALLOWED, False
        for demand in demands:
            kind = (proposal.service, proposal.operation, demand.rule)
            just_now = just_now or kind not in self._remembered
            decision = await self._agreed(kind, proposal, demand)
            if not decision.allowed:
                return decision
        if judgement.action == "allow" or (just_now and decision.person and ANYONE in judgement.terms.approvers):
            return decision
        # The policy's own: what was remembered of it holds whatever rule of it asks.
        return await self._agreed((proposal.service, proposal.operation, ""), proposal, judgement)

    async def _agreed(self, kind: _Kind, proposal: Proposal, judgement: Judgement) -> Decision:
        if kind in self._remembered:
            return self._as_remembered(kind)
        asking = asyncio.create_task(self._questions.ask(proposal, judgement))
        waiting = self._waiting.setdefault(kind, set())
        waiting.add(asking)
        try:
            decision = await asking
        except (asyncio.CancelledError, FailureError) as error:
            current = asyncio.current_task()
            if not is_cancelled_exception(error) or kind not in self._remembered or (current and current.cancelling()):
                raise
            return self._as_remembered(kind)
        finally:
            waiting.discard(asking)
        if decision.allowed and decision.remember:
            self._remembered[kind] = decision.person
            # What waits for the same need not wait any more: its questions are taken back.
            for other in waiting:
                other.cancel()
        return decision

    def judge(self, proposal: Proposal) -> Judgement:
        """Return what the policy says; a policy that fails refuses."""
        try:
            return self._policy.judge(proposal)
        except Exception as error:  # A policy that fails must block, whatever it fails with.
            workflow.logger.exception("the approval policy failed over %s", proposal.name)
            reason = f"the policy could not be evaluated ({type(error).__name__})"
            return Judgement("refuse", rule="policy-failed", reason=reason)

    def _as_remembered(self, kind: _Kind) -> Decision:
        return Decision(
            allowed=True, reason=f"as {self._remembered[kind]} approved before", person=self._remembered[kind]
        )
