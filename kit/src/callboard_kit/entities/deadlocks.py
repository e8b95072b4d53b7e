"""How waiters of several teams find out that they wait for each other.

Every call says in its token which locks its caller holds while it waits, and every waiter's claim has what is held
above it. So a lock knows who waits for it and what they keep from others meanwhile. A waiter that has waited for a
moment and holds something asks the locks it holds: is one of your waiters below whom I wait for? If not: what do
*they* hold? The question goes on from team to team, as an operation of the mesh, until it comes back or ends.

Of those who wait in a circle the one that came last is refused. When it came, all the others were there, so its own
question finds the circle, and nobody else's is believed.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio.client import Client

from callboard_contracts import MeshError, Message, promise
from callboard_kit.entities.messages import Claim, Hold, LockState

LONGEST_CIRCLE: Final = 5
"""Locks that a question goes through, at most; each team on the way asks the next, and a call has its limit of hops."""

_SOON: Final = timedelta(seconds=5)


class Chase(Message):
    """The question whether a circle of waiters closes."""

    hold: Hold
    """The lock that is asked."""

    blockers: tuple[str, ...]
    """Digests of the tokens of those whom the first waiter waits for."""

    since: float
    """Since when the first waiter waits."""

    holder: str
    """Who it is; decides between two that came at the same moment."""

    steps: tuple[str, ...]
    """Who waits for what, so far."""


class Circle(Message):
    """Who waits for whom. Empty: no circle was found."""

    steps: tuple[str, ...] = ()


@nexusrpc.service(name="locks.v1")
class Locks:
    """What the locks of members ask each other. Part of the mesh, and served by every member."""

    chase: nexusrpc.Operation[Chase, Circle] = promise(
        kind="query",
        effect="read",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=8),
        model_callable=False,
    )
    """Say whether somebody who waits for a lock stands below whom the asker waits for."""


SERVICE: Final = "locks.v1"
"""The name of the service; every member may call it, whatever the policy says."""

Look = Callable[[str], Awaitable[LockState | None]]
"""Finds a lock of this team by its name."""


@service_handler(service=Locks)
class LocksService:
    """Serves `locks.v1` of one member."""

    def __init__(self, answer: Callable[[Chase], Awaitable[tuple[str, ...]]]) -> None:
        self._answer = answer

    @sync_operation
    async def chase(self, _ctx: StartOperationContext, asked: Chase) -> Circle:
        """Look at one lock, and ask on."""
        return Circle(steps=await self._answer(asked))


def first_chase(state: LockState, claim: Claim) -> Chase | None:
    """Return the question that a waiter asks first; None when it does not wait any more."""
    mine = next((waiting for waiting in state.waiting if waiting.claim.holder == claim.holder), None)
    blockers = tuple(
        held.claim.link for held in state.holding if not claim.stands_below(held.claim.link, believed=state.team)
    )
    if mine is None or not blockers:
        return None
    step = f"{claim.operation} waits for {state.shown}"
    [hold, *_] = claim.holds
    return Chase(hold=hold, blockers=blockers, since=mine.since, holder=claim.holder, steps=(step,))


async def chase(asked: Chase, holds: Sequence[Hold], *, client: Client, team: str, look: Look) -> tuple[str, ...]:
    """Ask the locks that are held; return the circle's steps, or nothing."""
    for hold in dict.fromkeys((each.team, each.name, each.link) for each in holds):
        question = asked.model_copy(update={"hold": Hold(team=hold[0], name=hold[1], link=hold[2])})
        if hold[0] != team:
            steps = await _ask(client, question)
        else:
            state = await look(hold[1])
            steps = () if state is None else await _among_waiters(question, state, client=client, team=team, look=look)
        if steps:
            return steps
    return ()


async def _among_waiters(asked: Chase, state: LockState, *, client: Client, team: str, look: Look) -> tuple[str, ...]:
    for waiting in state.waiting:
        claim = waiting.claim
        if claim.stands_below(asked.hold.link, believed=team):
            continue  # It shares the lock with that holder; whom it waits for is a relative, who will be done.
        if (waiting.since, claim.holder) > (asked.since, asked.holder):
            continue  # It came later, and will ask for itself.
        steps = (*asked.steps, f"whose lock of {state.shown} {claim.operation} waits for")
        if any(claim.stands_below(blocker) for blocker in asked.blockers):
            return steps
        if len(steps) <= LONGEST_CIRCLE:
            further = asked.model_copy(update={"steps": steps})
            if found := await chase(further, claim.holds, client=client, team=team, look=look):
                return found
    return ()


async def _ask(client: Client, question: Chase) -> tuple[str, ...]:
    locks = client.create_nexus_client(service=Locks, endpoint=question.hold.team)
    try:
        found = await locks.execute_operation(
            Locks.chase, question, id=f"chase-{uuid.uuid4()}", schedule_to_close_timeout=_SOON
        )
    except MeshError:
        return ()  # A team that is away answers nothing; the wait has an end anyway.
    return found.steps
