"""A run's own side of its locks: take them before the work, wait for them, give them back after it.

Everything here runs in the workflow that answers a call. Which locks it needs was written into its context when its
call was taken up, so a run that began without locks, on an earlier build or where they are switched off, goes on
without.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from callboard_contracts import MeshError, Message, RefusedError, UnavailableError
from callboard_kit import mesh
from callboard_kit.bound import bound
from callboard_kit.entities.chain import held_along, link_of
from callboard_kit.entities.lock import GRANTED
from callboard_kit.entities.messages import Claim, Grant, Hold, Left, Taken
from callboard_kit.messages import KitMessage
from callboard_kit.tokens import Call, Held

TAKE: Final = "callboard.take_entities"
RELEASE: Final = "callboard.release_entities"
LEAVE: Final = "callboard.leave_entity"
FIND_DEADLOCK: Final = "callboard.find_deadlock"

PATCH: Final = "callboard-entity-locks"
"""Keeps runs apart that a worker without locks began to work on."""

_ONE_TRY: Final = timedelta(seconds=10)
_SHORTEST: Final = timedelta(milliseconds=100)
_TRIES_TO_GIVE_BACK: Final = 20
_DEADLOCK_AFTER: Final = 1.0
"""Seconds of waiting after which one that holds something else asks whether everybody waits for each other."""

_DEADLOCK_AGAIN: Final = 5.0
_SHORTEST_TIMER: Final = 1.0


class Take(KitMessage):
    """Locks to take, in this order, up to the first that is not free."""

    claim: Claim
    names: tuple[str, ...]
    shown: tuple[str, ...]


class Release(KitMessage):
    """Locks to give back."""

    holder: str
    names: tuple[str, ...]


class Leave(KitMessage):
    """A lock that is waited for no longer."""

    holder: str
    name: str


class Question(KitMessage):
    """Whether one that waits for a lock waits for itself in the end."""

    claim: Claim
    name: str


_holder: Final[ContextVar["EntityHolder | None"]] = ContextVar("callboard_entity_holder", default=None)


class EntityHolder:
    """Takes and gives back what one run needs."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.locks = mesh.HeldLocks(())
        self._granted: dict[str, int] = {}
        self._deadline = call.expires
        info = workflow.info()
        self._name = f"{info.workflow_id}/{info.first_execution_run_id}"

    async def take(self) -> None:
        """Take every lock that the call needs.

        Raises:
            UnavailableError: One of them is not free in time.
            RefusedError: Everybody in a circle waits for the next.
        """
        workflow.set_signal_handler(GRANTED, self._on_grant)  # pyright: ignore[reportUnknownMemberType] - the SDK's type is open
        names = [name for name, _ in self._call.entities]
        self._granted.clear()
        began = workflow.time()
        # A little less than the caller waits, who is to hear the reason.
        left = max(0.0, self._call.expires - began)
        self._deadline = began + left - min(1.0, left / 4)
        try:
            while wanted := names[len(self._granted) :]:
                for name, taken in zip(wanted, await self._ask(wanted), strict=False):
                    self._granted[name] = taken.fence or await self._turn(name, began)
        except (MeshError, FailureError, asyncio.CancelledError):
            await self.give_back()
            raise
        link = link_of(self._call)
        self.locks.held = tuple(Held(name, link, self._granted[name]) for name in names)

    async def give_back(self) -> None:
        """Give everything back, or stop waiting for it."""
        self.locks.held = ()
        names = tuple(name for name, _ in self._call.entities)
        release = Release(holder=self._name, names=names)
        try:
            await _uninterrupted(_locally(RELEASE, release, type(None), tries=_TRIES_TO_GIVE_BACK))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # The locks will see that this run is over.
            workflow.logger.warning("the locks %s could not be told that they are free again", ", ".join(names))

    def _on_grant(self, grant: Grant) -> None:
        if grant.holder == self._name:
            self._granted[grant.lock] = grant.fence

    async def _ask(self, names: list[str]) -> list[Taken]:
        shown = dict(self._call.entities)
        take = Take(claim=self._claim(), names=tuple(names), shown=tuple(shown[name] for name in names))
        try:
            return await _locally(TAKE, take, list[Taken], within=max(self._time_left(), _SHORTEST))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            raise UnavailableError(f"the lock of {shown[names[0]]} cannot be reached; call again later") from error

    async def _turn(self, name: str, began: float) -> int:
        look = workflow.time() + _DEADLOCK_AFTER
        claim = self._claim()
        while name not in self._granted:
            left = self._time_left().total_seconds()
            if left <= 0 and not await self._left(name, began):
                break
            pause = left
            # Temporal's timers take a second at least: one that begins just before the end would end after it.
            if claim.holds and look - workflow.time() < left - _SHORTEST_TIMER:
                pause = max(look - workflow.time(), 0.01)
            try:
                await workflow.wait_condition(lambda: name in self._granted, timeout=pause)
            except TimeoutError:
                if claim.holds and workflow.time() >= look:
                    look = workflow.time() + _DEADLOCK_AGAIN
                    await self._refuse_deadlock(claim, name)
        return self._granted[name]

    async def _left(self, name: str, began: float) -> bool:
        """Stop waiting, and say why; or tell, by False, that the turn has come in the last moment."""
        shown = dict(self._call.entities)[name]
        waited = f"waited {workflow.time() - began:.1f} s for it, which is all the caller allows"
        try:
            left = await _locally(LEAVE, Leave(holder=self._name, name=name), Left, tries=3)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            left = Left()
        if left.fence:
            self._granted[name] = left.fence
            return False
        if not left.operation:
            raise UnavailableError(f"{shown} is not free: {waited}; call again later")
        raise UnavailableError(
            f"{shown} has been held by {left.operation} for {max(0.0, workflow.time() - left.since):.1f} s: {waited}; "
            "call again later"
        )

    async def _refuse_deadlock(self, claim: Claim, name: str) -> None:
        try:
            steps = await workflow.execute_activity(
                FIND_DEADLOCK,
                Question(claim=claim, name=name),
                result_type=list[str],
                start_to_close_timeout=_ONE_TRY,
                schedule_to_close_timeout=max(min(_ONE_TRY, self._time_left()), _SHORTEST),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return  # It is asked again; and the wait has an end anyway.
        if not steps or name in self._granted:
            return
        left = await _locally(LEAVE, Leave(holder=self._name, name=name), Left, tries=3)
        if left.fence:
            self._granted[name] = left.fence
        else:
            raise RefusedError(
                f"a deadlock: {'; '.join(steps)}; this call came last and is refused: end what holds the first, "
                "then start again"
            )

    def _claim(self) -> Claim:
        call, address = self._call, self._call.address
        link = link_of(call)
        own = tuple(Hold(team=call.team, name=name, link=link) for name in self._granted)
        above = tuple(Hold(team=team, name=held.name, link=held.link) for team, held in held_along(call))
        return Claim(
            holder=self._name,
            operation="" if address is None else f"{address.service} {address.operation}",
            caller=call.caller,
            root=call.root,
            path=tuple(link_of(call, depth) for depth in range(1, call.depth + 1)),
            holds=(*above, *own),
            until=call.expires,
        )

    def _time_left(self) -> timedelta:
        return timedelta(seconds=max(0.0, self._deadline - workflow.time()))


async def _uninterrupted(work: Coroutine[Any, Any, None]) -> None:  # Any: what a coroutine yields is asyncio's
    """Finish `work` even when this run is cancelled meanwhile: a lock that is not given back keeps others waiting."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


@asynccontextmanager
async def entities_taken(call: Call) -> AsyncGenerator[Call]:
    """Hold the locks that `call` needs in this block. A run that goes on as a new one keeps them for it.

    Raises:
        UnavailableError: One of them is not free in time.
        RefusedError: Everybody in a circle waits for the next.
    """
    if not call.entities or not workflow.patched(PATCH):
        yield call
        return
    holder = EntityHolder(call)
    await holder.take()
    with bound(_holder, holder):
        try:
            with mesh.holding(holder.locks):
                yield replace(call, held=holder.locks.held)
        except (MeshError, FailureError, asyncio.CancelledError):
            await holder.give_back()
            raise
        else:
            # On any other exception the run is not over: Temporal tries the step again, and the locks stay its own.
            await holder.give_back()


@asynccontextmanager
async def let_go() -> AsyncGenerator[None]:
    """Hold no lock in this block, for a wait that may be long: a person who is asked, for one.

    Afterwards they are taken again, in the order in which others came meanwhile: look again at what you had seen.
    """
    holder = _holder.get()
    if holder is None:
        yield
        return
    await holder.give_back()
    try:
        yield
    except asyncio.CancelledError:
        raise  # The run ends; nothing is left to do that a lock is needed for.
    except Exception:  # Whatever went wrong, what deals with it is back under the lock that it left.
        await holder.take()
        raise
    await holder.take()


async def _locally(
    name: str, argument: Message, answer: Any, *, within: timedelta | None = None, tries: int = 0
) -> Any:  # Any: whatever the activity answers
    return await workflow.execute_local_activity(
        name,
        argument,
        result_type=answer,
        start_to_close_timeout=_ONE_TRY,
        schedule_to_close_timeout=within,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=200),
            maximum_interval=timedelta(seconds=5),
            maximum_attempts=tries,
        ),
    )
