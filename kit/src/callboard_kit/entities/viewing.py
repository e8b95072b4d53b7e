"""Who holds what and who waits, for people: what visibility lists, and what each lock says of itself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from callboard_kit.entities.lock import LOCK, EntityLock
from callboard_kit.entities.messages import LockState
from callboard_kit.entities.naming import Entity, lock_id

ANSWERS_WITHIN: Final = timedelta(seconds=5)
"""How long a lock has to answer. It is the team's worker that answers for it."""

AT_ONCE: Final = 10

_SILENT: Final = frozenset(
    {
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.FAILED_PRECONDITION,
        RPCStatusCode.UNAVAILABLE,
    }
)


class SilentTeamError(Exception):
    """No worker of the team answers for its locks."""


async def locks_of(client: Client, team: str) -> list[LockState]:
    """Return the locks of a team that somebody holds or waits for, those held longest first.

    `client` is one of the team's namespace. What happened a moment ago may not be listed yet.

    Raises:
        SilentTeamError: No worker of the team answers for them.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def state(workflow_id: str) -> LockState | None:
        async with turns:
            return await _state(client, workflow_id, team)

    states = await asyncio.gather(*[state(each) async for each in _running(client)])
    busy = [each for each in states if each is not None and (each.holding or each.waiting)]
    return sorted(busy, key=lambda each: (each.holding[0].since if each.holding else each.waiting[0].since, each.name))


async def lock_of(client: Client, team: str, kind: str, key: str) -> LockState:
    """Return who holds the lock of one entity and who waits for it; nobody does when there is no such lock.

    Raises:
        SilentTeamError: No worker of the team answers for it.
    """
    # Whether a key is kept back stands in the contract; either way it has only one lock.
    for entity in (Entity(kind, key), Entity(kind, key, secret=True)):
        if (state := await _state(client, lock_id(team, entity.name), team)) is not None:
            return state
    plain = Entity(kind, key)
    return LockState(team=team, name=plain.name, shown=plain.shown)


async def _running(client: Client) -> AsyncIterator[str]:
    async for found in client.list_workflows(f"WorkflowType = '{LOCK}' and ExecutionStatus = 'Running'"):
        yield found.id


async def _state(client: Client, workflow_id: str, team: str) -> LockState | None:
    handle = client.get_workflow_handle_for(EntityLock.run, workflow_id)
    try:
        # The SDK leaves the type of an update's arguments open.
        return await handle.execute_update(  # pyright: ignore[reportUnknownMemberType]
            EntityLock.look, rpc_timeout=ANSWERS_WITHIN
        )
    except WorkflowUpdateFailedError as error:
        raise SilentTeamError(f"the locks of team {team!r} cannot say who holds them: {error}") from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise _silent(team) from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        if error.status not in _SILENT:
            raise
        raise _silent(team) from error


def _silent(team: str) -> SilentTeamError:
    return SilentTeamError(
        f"no worker of team {team!r} answers for its locks; 'callboard status' shows whether one runs"
    )
