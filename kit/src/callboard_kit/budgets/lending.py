"""What a call to another team is lent, and what comes of it: the caller's side, inside a workflow."""

import asyncio
from dataclasses import replace
from typing import Any, Final, cast

import nexusrpc
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload

from callboard_contracts import RefusedError, Usage
from callboard_contracts.inbox import v1 as inbox
from callboard_kit.budgets.sharing import NOTHING, Amount, Loan, purse, share, tightened
from callboard_kit.budgets.telling import read_from_answer, read_from_failure
from callboard_kit.contract_book import ContractBook
from callboard_kit.entities.deadlocks import SERVICE as LOCKS
from callboard_kit.limits import Limits
from callboard_kit.tokens import Address, Call

ONE_CALL: Final = Amount(calls=1)

_OWN: Final = frozenset({LOCKS, inbox.ENDPOINT + ".v1"})
"""Services of the mesh itself: they ask no models, and what they are asked may take days to answer."""

_NOT_LET_IN: Final = frozenset(
    {
        nexusrpc.HandlerErrorType.BAD_REQUEST,
        nexusrpc.HandlerErrorType.UNAUTHENTICATED,
        nexusrpc.HandlerErrorType.UNAUTHORIZED,
        nexusrpc.HandlerErrorType.NOT_FOUND,
    }
)


class CallLoan:
    """The part of the purse at hand that one call has, and who has to say what became of it."""

    def __init__(self, loan: Loan | None, limits: Limits, *, says: bool) -> None:
        self._loan = loan
        self._says = says
        self.limits = limits
        """What the call's token allows."""

    @classmethod
    def of(cls, parent: Call, to: Address, book: ContractBook) -> "CallLoan":
        """Lend a call what it may have.

        Raises:
            RefusedError: The tree may make no more calls.
        """
        held = purse()
        if held is None:
            return cls(None, parent.limits, says=False)
        if held.free.calls < 1:
            raise RefusedError(
                f"{to.service} {to.operation} is not called: the budget of its tree allows no more calls"
            )
        contract = book.find(to.service, to.operation)
        kind = None if contract is None else contract.promise.kind
        agent = kind == "agent" or (contract is not None and contract.holds("usage"))
        wanted = share(held, agent=agent)
        if kind == "query" or to.service in _OWN:
            # It answers in seconds, so it has no models to ask.
            wanted = replace(wanted, tokens=0, nanos=0)
        wanted = wanted.least(Amount.within(parent.limits)) + ONE_CALL
        loan = held.lend(wanted)
        return cls(loan, tightened(parent.limits, loan.given - ONE_CALL), says=agent)

    def answered(self, payload: Payload) -> None:
        """Account for a call that was answered."""
        if self._loan is not None:
            self._loan.settle((read_from_answer(payload) or NOTHING) + ONE_CALL)

    def failed(self, error: BaseException) -> None:
        """Account for a call that failed. An agent that does not say what it spent has spent all it had."""
        if self._loan is None:
            return
        told = read_from_failure(error)
        if told is None and self._says and not _was_not_let_in(error):
            told = self._loan.given - ONE_CALL
        self._loan.settle((told or NOTHING) + ONE_CALL)

    def unused(self) -> None:
        """Take everything back: the call was not made."""
        if self._loan is not None:
            self._loan.settle(NOTHING)

    def child_ended(self, child: "asyncio.Task[Any]") -> None:  # Any: whatever the child answers
        """Account for a workflow of the team's own: what its answer says in `usage`, or all it had."""
        if self._loan is None:
            return
        usage = None
        if not child.cancelled() and child.exception() is None:
            answer: object = child.result()
            usage = cast("dict[str, object]", answer).get("usage") if isinstance(answer, dict) else _member(answer)
        told = None if usage is None else _usage(usage)
        calls = self._loan.given.calls
        self._loan.settle(self._loan.given if told is None else replace(told, calls=calls))


def lent_to_child(call: Call | None) -> tuple[Call | None, CallLoan]:
    """Return the call that a child workflow goes on with, and its part of the purse at hand."""
    held = purse()
    if call is None or held is None:
        return call, CallLoan(None, Limits() if call is None else call.limits, says=False)
    loan = held.lend(share(held, agent=True).least(Amount.within(call.limits)))
    limits = tightened(call.limits, loan.given)
    return replace(call, limits=limits), CallLoan(loan, limits, says=True)


def continued(call: Call) -> Call:
    """Return the call that the next run of this workflow goes on with: with what is left."""
    held = purse()
    return call if held is None else replace(call, limits=tightened(call.limits, held.free))


def _was_not_let_in(error: BaseException) -> bool:
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, nexusrpc.HandlerError) and link.type in _NOT_LET_IN:
            return True
        link = link.__cause__
    return False


def _member(answer: object) -> object:
    return getattr(answer, "usage", None)


def _usage(told: object) -> Amount | None:

    try:
        return Amount.of(Usage.model_validate(told, from_attributes=True))
    except ValidationError:
        return None
