"""Guards where no agent asks: a team's workflow has its own hear what it is about to do, whoever asked for it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from callboard_contracts import RefusedError
from callboard_kit import mesh
from callboard_kit.approvals.asking import Questions
from callboard_kit.approvals.terms import Proposal
from callboard_kit.guards.contexts import Doing, Heard
from callboard_kit.guards.declaring import BeforeEffect
from callboard_kit.guards.post import GuardPost


async def require(
    guards: Sequence[BeforeEffect],
    proposal: Proposal,
    *,
    seen: Sequence[Heard] = (),
    meanwhile: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> bool:
    """Return once the guards let `proposal` be done, and whether a person was asked: then look again before you do it.

    Only from a workflow.

    Args:
        guards: Who is heard. A judge has no model here, so it blocks.
        proposal: What is about to be done.
        seen: What the workflow has looked at, for guards that hold the one against the other.
        meanwhile: What surrounds the time in which a person is asked: `let_go`, where something is locked.

    Raises:
        RefusedError: A guard refused, could not be evaluated, or wanted a person who did not agree.
    """
    call = mesh.maybe_current()
    doing = Doing(
        agent=proposal.agent,
        goal="",
        step=1,
        caller=(call.caller or "") if call else "",
        person=call.person if call else None,
        tool=proposal.tool,
        service=proposal.service,
        operation=proposal.operation,
        arguments=proposal.arguments,
        effect=proposal.effect,
        words=proposal.words,
        heard=tuple(seen),
    )
    held = await GuardPost(guards).before_effect(doing)
    if held.refusal:
        raise RefusedError(held.refusal)
    if not held.demands:
        return False
    async with meanwhile():
        for demand in held.demands:
            decision = await Questions.of_this_run().ask(proposal, demand)
            if not decision.allowed:
                raise RefusedError(f"{decision.reason} ({demand.rule})")
    return True
