"""The activities through which runs and locks reach Temporal: to take, to give back, to see who is still there."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from temporalio import activity
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import UnavailableError
from callboard_kit.entities.deadlocks import Chase, chase, first_chase
from callboard_kit.entities.holding import FIND_DEADLOCK, LEAVE, RELEASE, TAKE, Leave, Question, Release, Take
from callboard_kit.entities.lock import GONE, EntityLock
from callboard_kit.entities.messages import Hold, Left, LockState, Taken
from callboard_kit.entities.naming import lock_id

_ANSWERS_WITHIN: Final = timedelta(seconds=5)


class EntityKeeper:
    """What runs of one team do with the locks of their own namespace."""

    def __init__(self, team: str) -> None:
        self._team = team
        self._client: Client | None = None

    def use(self, client: Client) -> None:
        """Reach the namespace through this client, the worker's own."""
        self._client = client

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:  # Any: activities take and return anything
        """What a worker registers."""
        return [self.take, self.release, self.leave, self.gone, self.find_deadlock]

    @activity.defn(name=TAKE)
    async def take(self, take: Take) -> list[Taken]:
        """Take locks one by one, up to the first that is not free."""
        answers: list[Taken] = []
        holds = take.claim.holds
        for name, shown in zip(take.names, take.shown, strict=True):
            claim = take.claim.model_copy(update={"holds": holds})
            operation = WithStartWorkflowOperation(
                EntityLock.run,
                LockState(team=self._team, name=name, shown=shown),
                id=lock_id(self._team, name),
                task_queue=activity.info().task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=shown,
            )
            client = self._connected()
            # The SDK leaves the type of an update's arguments open.
            taken = await client.execute_update_with_start_workflow(  # pyright: ignore[reportUnknownMemberType]
                EntityLock.take, claim, start_workflow_operation=operation, rpc_timeout=_ANSWERS_WITHIN
            )
            answers.append(taken)
            if not taken.fence:
                break
            holds = (*holds, Hold(team=self._team, name=name, link=claim.link))
        return answers

    @activity.defn(name=RELEASE)
    async def release(self, release: Release) -> None:
        """Give locks back, the last taken first. One that is gone needs nothing."""
        for name in reversed(release.names):
            try:
                await self._lock(name).signal(EntityLock.release, release.holder)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise

    @activity.defn(name=LEAVE)
    async def leave(self, leave: Leave) -> Left:
        """Stop waiting for a lock, and hear who has it."""
        try:
            # The SDK leaves the type of an update's arguments open.
            return await self._lock(leave.name).execute_update(  # pyright: ignore[reportUnknownMemberType]
                EntityLock.leave, leave.holder, rpc_timeout=_ANSWERS_WITHIN
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return Left()

    @activity.defn(name=GONE)
    async def gone(self, holders: list[str]) -> list[str]:
        """Return those of the holders whose workflow is over."""
        found = await asyncio.gather(*(self._is_gone(holder) for holder in holders))
        return [holder for holder, gone in zip(holders, found, strict=True) if gone]

    @activity.defn(name=FIND_DEADLOCK)
    async def find_deadlock(self, question: Question) -> list[str]:
        """Return who waits for whom in a circle that this waiter closed; nothing when there is none."""
        state = await self.state(question.name)
        start = None if state is None else first_chase(state, question.claim)
        if start is None:
            return []
        found = await chase(start, question.claim.holds, client=self._connected(), team=self._team, look=self.state)
        return list(found)

    async def state(self, name: str) -> LockState | None:
        """Return who holds a lock and who waits for it; None when nobody does.

        Raises:
            UnavailableError: It does not say so in time.
        """
        try:
            # The SDK leaves the type of an update's arguments open.
            return await self._lock(name).execute_update(  # pyright: ignore[reportUnknownMemberType]
                EntityLock.look, rpc_timeout=_ANSWERS_WITHIN
            )
        except (WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            # Its worker is away, or is of a build that does not know the question.
            raise UnavailableError(f"the lock {name!r} does not say who holds it") from error
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def answer(self, asked: Chase) -> tuple[str, ...]:
        """Say for another team whether the chase ends at a lock of this one, or goes on from it."""
        return await chase(asked, (asked.hold,), client=self._connected(), team=self._team, look=self.state)

    def _lock(self, name: str) -> WorkflowHandle[EntityLock, None]:
        return self._connected().get_workflow_handle_for(EntityLock.run, lock_id(self._team, name))

    def _connected(self) -> Client:
        if self._client is None:
            raise UnavailableError("this process has no worker yet")
        return self._client

    async def _is_gone(self, holder: str) -> bool:
        workflow_id, _, first_run_id = holder.rpartition("/")
        try:
            description = await self._connected().get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return True
            raise
        info = description.raw_description.workflow_execution_info
        # Another run by the same id is another holder; where the server does not say, it is taken for the same.
        another = bool(info.first_run_id) and info.first_run_id != first_run_id
        return another or description.status is not WorkflowExecutionStatus.RUNNING
