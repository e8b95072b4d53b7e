"""Who gave an answer, and may they: asked where the answer has its effect, of what is vouched for by then."""

import time

from temporalio import activity

from callboard_contracts import UnavailableError
from callboard_kit.approvals.answers import read_answer
from callboard_kit.approvals.asking import CHECK_ANSWER, Checked, Given
from callboard_kit.approvals.demanding import STILL_DEMANDED, InForce
from callboard_kit.directory import Directory
from callboard_kit.identity import InvalidTokenError, UnknownKeyError


class AnswerChecker:
    """Checks answers with the keys and the policy that a worker's directory knows."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    @activity.defn(name=CHECK_ANSWER)
    async def check(self, given: Given) -> Checked:
        """Tell what an answer is worth now.

        Raises:
            UnavailableError: The inbox's key is not known yet; asking again may help.
        """
        try:
            answer = read_answer(given.statement, given.question, find_key=self._directory.find_key, now=time.time())
        except UnknownKeyError as error:
            if activity.info().attempt < 5:
                raise UnavailableError(str(error)) from error
            return Checked(good=False, reason=f"the answer proves nothing: {error}")
        except InvalidTokenError as error:
            return Checked(good=False, reason=f"the answer proves nothing: {error}")
        approvers = self._approvers(given)
        if approvers is not None and not answer.person.is_among(approvers):
            by_then = "by the policy in force" if given.rule else "by the rule"
            return Checked(
                good=False, reason=f"{answer.person.name} answered, but may not {by_then} {given.question.rule!r}"
            )
        return Checked(
            good=True,
            person=answer.person.name,
            approve=answer.approve,
            remember=answer.remember,
            reason=answer.reason,
        )

    @activity.defn(name=STILL_DEMANDED)
    async def still_demanded(self, rule: str) -> InForce:
        """Tell what a rule of this team's policy demands by now. A rule that is gone demands nothing."""
        found = next((each for each in self._directory.policy().rules if each.name == rule), None)
        return InForce(terms=None if found is None or found.approval is None else found.approval.terms)

    def _approvers(self, given: Given) -> tuple[str, ...] | None:
        """Return who may approve by now; None when nobody need any more."""
        if not given.rule:
            return given.approvers
        found = next((each for each in self._directory.policy().rules if each.name == given.rule), None)
        if found is None or found.approval is None:
            return None
        escalation = found.approval.escalation
        return (*found.approval.approvers, *(escalation.approvers if escalation else ()))
