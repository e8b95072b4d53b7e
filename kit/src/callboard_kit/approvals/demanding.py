"""Approval that the policy of whoever is called demands: noted by the handler, asked for by the workflow behind it.

The order inside an operation with an effect: policy and schema, then the approval, then what it acts on is locked, then
its own look at the preconditions, then the effect. Nothing is locked while a person thinks.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, cast

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from callboard_contracts import MeshError, RefusedError
from callboard_kit.approvals.asking import Decision, Questions
from callboard_kit.approvals.masking import shown
from callboard_kit.approvals.policies import Judgement
from callboard_kit.approvals.terms import Demand, Proposal, Terms
from callboard_kit.contract_book import OperationContract
from callboard_kit.messages import KitMessage
from callboard_kit.tokens import Call

STILL_DEMANDED: Final = "callboard.still_demanded"
"""The local activity that tells what a rule of the team's own policy demands by now. The plugin brings it."""

LOOKS: Final = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300))
"""After how long, while a question waits, the policy is looked at again; the last of them again and again."""


class Demanded(KitMessage):
    """An approval that a call needs before it has its effect."""

    rule: str
    """The rule of the provider's policy."""

    reason: str = ""
    """Why it applies. Empty: it always does."""

    terms: Terms
    """Whom to ask, how long, and what then."""

    arguments: Mapping[str, object]
    """What the call asks for, as a person may see it."""


class InForce(KitMessage):
    """What a rule demands by now."""

    terms: Terms | None = None
    """On which terms. Absent: it demands nothing any more."""


def demanded(rule: str, demand: Demand | None, contract: OperationContract, data: bytes) -> Demanded | None:
    """Return the approval that a call with the input `data` needs; None when it needs none."""
    if demand is None:
        return None
    document: object = json.loads(data) if data else None
    arguments = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    proposal = Proposal(
        tool="",
        service=contract.service,
        operation=contract.description.name,
        arguments=arguments,
        effect=contract.promise.effect,
        sensitive=contract.promise.sensitive,
        # Not the names there are: a rule about a field that is misspelt must not let everything through.
        fields=frozenset(),
    )
    applies, reason = demand.when.applies(proposal, in_doubt=True)
    if not applies:
        return None
    return Demanded(
        rule=rule, reason=reason, terms=demand.terms, arguments=shown(arguments, contract.promise.sensitive)
    )


async def approved(call: Call, contract: OperationContract, questions: Questions) -> Decision | None:
    """Have the call approved, if the policy demanded it when it came in. Only from the workflow behind it.

    Raises:
        RefusedError: It was not approved.
    """
    if not call.approval:
        return None
    wanted = Demanded.model_validate_json(call.approval)
    looks = iter(LOOKS)
    pause = next(looks)
    asking = _ask(wanted, contract, questions)
    while True:
        done, _ = await workflow.wait([asking], timeout=pause.total_seconds())
        if done:
            decision = asking.result()
            break
        pause = next(looks, pause)
        now = await _in_force(wanted.rule)
        if now is None or now.terms == wanted.terms:
            continue
        await _take_back(asking)
        if now.terms is None:
            decision = Decision(allowed=True, reason=f"rule {wanted.rule!r} demands no approval any more")
            break
        wanted = wanted.model_copy(update={"terms": now.terms})
        asking = _ask(wanted, contract, questions)
    if not decision.allowed:
        raise RefusedError(f"{decision.reason} (rule {wanted.rule!r})")
    return decision


def _ask(wanted: Demanded, contract: OperationContract, questions: Questions) -> "asyncio.Task[Decision]":
    proposal = Proposal(
        tool="",
        service=contract.service,
        operation=contract.description.name,
        arguments=wanted.arguments,
        effect=contract.promise.effect,
        sensitive={},  # Taken out by the handler, which knows the input as it was sent.
        agent=contract.description.name,
    )
    judgement = Judgement("ask", rule=wanted.rule, reason=wanted.reason, terms=wanted.terms)
    return asyncio.create_task(questions.ask(proposal, judgement, own_rule=True))


async def _take_back(asking: "asyncio.Task[Decision]") -> None:
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def _in_force(rule: str) -> InForce | None:
    try:
        return await workflow.execute_local_activity(
            STILL_DEMANDED,
            rule,
            result_type=InForce,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=2),
        )
    except (ActivityError, MeshError):
        return None  # What is in force cannot be told now: then what was in force stays.
