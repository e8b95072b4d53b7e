"""The lock of one entity: a workflow that gives it to one call at a time, in the order in which they came.

It answers every take at once, with a fencing token or a place in its queue; whoever waits is told by a signal when its
turn has come. It ends when nobody has needed it for a while, and the next take starts it anew. Its history is the
record of who held the entity and when.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy, VersioningBehavior
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from callboard_kit.entities.messages import Claim, Grant, Holding, Left, LockState, Taken, Waiting

LOCK: Final = "callboard.EntityLock"
"""The type of the workflow that is a lock."""

GRANTED: Final = "callboard.entity_granted"
"""The signal that tells a waiter of its turn."""

GONE: Final = "callboard.holders_gone"
"""The local activity that tells which holders' workflows are over."""

IDLE: Final = timedelta(seconds=20)
"""How long a lock stays that nobody needs."""

LEASE: Final = timedelta(seconds=60)
"""After what time a lock looks whether its holder still runs, while nobody waits."""

CONTENDED_LEASE: Final = timedelta(seconds=3)
"""The same while somebody waits. Each look at the same holder doubles it, up to `LEASE`."""


# Of all builds at once, so it belongs to none: what takes turns here may run on any.
@workflow.defn(name=LOCK, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class EntityLock:
    """Gives one entity to one call at a time; calls of one tree that follow from each other share it."""

    @workflow.init
    def __init__(self, state: LockState) -> None:
        """Go on from where the run before left off."""
        self._place = state
        self._fence = state.fence
        self._holding = list(state.holding)
        self._waiting = list(state.waiting)
        self._looks = 0
        self._news = False

    @workflow.run
    async def run(self, state: LockState) -> None:
        """Hand the entity on until nobody needs it."""
        while True:
            await self._hand_on()
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._state())
            self._news = False
            try:
                await workflow.wait_condition(lambda: self._news, timeout=self._patience())
            except TimeoutError:
                if not self._holding and not self._waiting:
                    return
                await self._look_after_holders()

    @workflow.update
    def take(self, claim: Claim) -> Taken:
        """Grant the entity or note that someone wants it. Asked again, answer the same."""
        self._news = True
        for held in self._holding:
            if held.claim.holder == claim.holder:
                return Taken(fence=held.fence)
        for place, waiting in enumerate(self._waiting):
            if waiting.claim.holder == claim.holder:
                return Taken(ahead=place)
        # A relative need not queue: those who wait do so for its own tree.
        if self._may_enter(claim) and (self._holding or not self._waiting):
            return Taken(fence=self._enter(claim))
        self._looks = 0
        self._waiting.append(Waiting(claim=claim, since=workflow.time()))
        return Taken(ahead=len(self._waiting) - 1)

    @workflow.signal
    def release(self, holder: str) -> None:
        """Take the entity back from a holder; anyone else's, an earlier holder's for one, stays."""
        self._drop(holder)

    @workflow.update
    def leave(self, holder: str) -> Left:
        """Forget someone who stops waiting, and say who was in the way; whoever was granted it meanwhile has it."""
        for held in self._holding:
            if held.claim.holder == holder:
                # The grant is on its way, and the one who left may find it before it remembers that it has left: a
                # worker that died has to take the same step once more, with all that has arrived by then.
                return Left(fence=held.fence)
        first = next(iter(self._holding), None)
        self._drop(holder)
        return Left() if first is None else Left(operation=first.claim.operation, since=first.since)

    @workflow.update
    def look(self) -> LockState:
        """Return who holds it and who waits.

        No query: a worker that loads a run to answer one goes on with events that no workflow task has begun on yet,
        and what comes before that task begins is then replayed in another order than it was handled in.
        """
        return self._state()

    def _state(self) -> LockState:
        return self._place.model_copy(
            update={"fence": self._fence, "holding": tuple(self._holding), "waiting": tuple(self._waiting)}
        )

    def _may_enter(self, claim: Claim) -> bool:
        return all(self._related(claim, held.claim) for held in self._holding)

    def _related(self, one: Claim, other: Claim) -> bool:
        team = self._place.team
        return one.stands_below(other.link, believed=team) or other.stands_below(one.link, believed=team)

    def _enter(self, claim: Claim) -> int:
        # Relatives share a token, or the one that came first could not write any more after the one it called. The
        # time is in it, so that it grows from one life of this lock to the next.
        if not self._holding:
            self._fence = max(self._fence + 1, int(workflow.time() * 1_000_000))
        self._holding.append(Holding(claim=claim, fence=self._fence, since=workflow.time()))
        self._looks = 0
        return self._fence

    def _drop(self, holder: str) -> None:
        self._news = True
        self._holding = [held for held in self._holding if held.claim.holder != holder]
        self._waiting = [waiting for waiting in self._waiting if waiting.claim.holder != holder]

    async def _hand_on(self) -> None:
        while (lucky := next((each for each in self._waiting if self._may_enter(each.claim)), None)) is not None:
            self._waiting.remove(lucky)
            claim = lucky.claim
            grant = Grant(lock=self._place.name, holder=claim.holder, fence=self._enter(claim))
            try:
                await workflow.get_external_workflow_handle(claim.workflow_id).signal(GRANTED, grant)
            except FailureError as error:
                if is_cancelled_exception(error):
                    raise
                # It is over, and was not there any more to say so.
                self._drop(claim.holder)

    def _patience(self) -> timedelta:
        if not self._holding:
            return IDLE
        return min(LEASE, CONTENDED_LEASE * 2**self._looks) if self._waiting else LEASE

    async def _look_after_holders(self) -> None:
        self._looks = min(self._looks + 1, 10)
        holders = [held.claim.holder for held in self._holding]
        try:
            if workflow.patched("callboard-look-by-activity"):
                gone = await workflow.execute_activity(
                    GONE,
                    holders,
                    result_type=list[str],
                    schedule_to_close_timeout=timedelta(seconds=20),
                    start_to_close_timeout=timedelta(seconds=5),
                    retry_policy=RetryPolicy(maximum_attempts=3),
                )
            else:
                # As locks did it that began before: their histories go on as they are.
                gone = await workflow.execute_local_activity(
                    GONE,
                    holders,
                    result_type=list[str],
                    start_to_close_timeout=timedelta(seconds=5),
                    retry_policy=RetryPolicy(maximum_attempts=3),
                )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return  # It cannot be told, so they are believed to run.
        for holder in gone:
            self._drop(holder)
