"""What a member's own code may ask of the mesh: who called, under which id to start work, on whose behalf to call."""

import hashlib
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Concatenate, Final, ParamSpec, TypeVar

from temporalio import nexus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from callboard_contracts import RefusedError
from callboard_kit.bound import bound
from callboard_kit.budgets.sharing import paying_from
from callboard_kit.identity import FindKey, VerifyingKey
from callboard_kit.limits import Limits
from callboard_kit.tokens import LONGEST_TEXT, Call, Held, Origin

_current: Final[ContextVar[Call | None]] = ContextVar("callboard_call", default=None)
_locks: Final["ContextVar[HeldLocks | None]"] = ContextVar("callboard_locks", default=None)
_key: Final[ContextVar[str]] = ContextVar("callboard_idempotency_key", default="")
_origin: Final[ContextVar[Origin | None]] = ContextVar("callboard_origin", default=None)

_find_key: Final[ContextVar[FindKey | None]] = ContextVar("callboard_find_key", default=None)

ResultT = TypeVar("ResultT")
SelfT = TypeVar("SelfT")
ParamsT = ParamSpec("ParamsT")


def current() -> Call:
    """Return the call this code works on: in a Nexus handler, in the workflow behind it, or in an activity of that.

    At the root of a tree it is the root's own context, with no caller.

    Raises:
        RuntimeError: This code runs outside of the mesh: there is no plugin, or no call.
    """
    call = maybe_current()
    if call is None:
        raise RuntimeError("no call is being handled here; is the MeshPlugin on this client or worker?")
    return call


def workflow_id(ctx: nexus.WorkflowRunOperationContext) -> str:
    """Return the id of the workflow behind this call: `<team>-<operation>-<hash of caller and token id>`.

    Every delivery of one call gives the same id, and nobody but the caller can arrive at it.
    """
    return work_id(current(), ctx.operation)


def work_id(call: Call, operation: str) -> str:
    """Return the id of the workflow behind `call`, which is one of `operation`."""
    return f"{call.team}-{operation}-{call_hash(call)}"


def gate_id(call: Call) -> str:
    """Return the id of the workflow that waits for an answer to the question that `call` asks."""
    return f"gate-{call.caller}-{call_hash(call)}"


def call_hash(call: Call) -> str:
    """Return what ends the ids of all workflows that work on `call`: nobody but the caller can arrive at it."""
    work = f"key {call.key}" if call.key else call.token_id
    return hashlib.sha256(f"{call.caller}\n{work}".encode()).hexdigest()[:24]


def effect_key() -> str:
    """Return the key under which the effect of the call at hand happens once: give it to the store.

    It is the same for every delivery of the call, and for every call that its caller gave the same idempotency key.
    """
    call = current()
    # Callers' keys may be long, and what is made of this one goes on to other teams, which have limits of their own.
    return f"{call.caller}:key-{call_hash(call)}" if call.key else f"{call.caller}:{call.token_id}"


def fences() -> dict[str, int]:
    """Return the fencing token of every lock that the call at hand holds, by the lock's name: give them to the store.

    Whoever holds a lock later has a greater one, so that a store can refuse a write that comes too late. Empty where
    nothing is locked.
    """
    return {held.name: held.fence for held in current().held if held.fence}


async def start_workflow(
    ctx: nexus.WorkflowRunOperationContext,
    run: Callable[Concatenate[SelfT, ParamsT], Awaitable[ResultT]],
    /,
    *args: ParamsT.args,
    **kwargs: ParamsT.kwargs,
) -> nexus.WorkflowHandle[ResultT]:
    """Start the workflow behind an operation, once per call however often the call is delivered.

    A second delivery, or a token that was stolen and sent again, meets the run that there is; once that run is over
    the call is refused. A call with an idempotency key that was used before is answered with the first result.
    """
    if kwargs:
        raise TypeError("a workflow takes its input by position")
    return await ctx.start_workflow(
        run,
        args=list(args),
        id=workflow_id(ctx),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        # Work that failed has no result to give again: the same key may ask for it once more.
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
        if current().key
        else WorkflowIDReusePolicy.REJECT_DUPLICATE,
    )


@contextmanager
def starting(origin: Origin) -> Generator[Origin]:
    """Give trees that are started in this block (workflows, calls from outside of a workflow) this root and person."""
    with bound(_origin, origin):
        yield origin


@contextmanager
def idempotency_key(key: str) -> Generator[None]:
    """Make the call in this block once per `key`.

    Asked again by any run or program of this team, the provider gives the first result, for as long as its contract
    promises to remember it. The same key for something else is refused. Each operation has keys of its own.

    Raises:
        RefusedError: The key is empty or too long to travel.
    """
    if not 0 < len(key) <= LONGEST_TEXT:
        raise RefusedError(f"an idempotency key has {len(key)} characters; 1 to {LONGEST_TEXT} are allowed")
    with bound(_key, key):
        yield


def given_key() -> str:
    """Return the idempotency key for calls that are made here; empty when there is none."""
    return _key.get()


@contextmanager
def tightened(limits: Limits) -> Generator[None]:
    """Hold calls made in this block to these limits, where they are tighter than the call's own."""
    call = current()
    with bound(_current, replace(call, limits=call.limits.tightened(limits))):
        yield


@contextmanager
def on_own_behalf() -> Generator[None]:
    """Make calls in this block as the root of a tree of this team's own, under the same root id.

    For making good what a call began: an undo must go through when the caller has stopped waiting, or may not itself
    do what is undone.
    """
    call = current()
    own = Call(
        root=call.root,
        team=call.team,
        token_id=call.token_id,
        person=call.person,
        key=call.key,
        held=call.held,
        dry=call.dry,
        harmless=call.harmless,
        copies=call.copies,
    )
    with bound(_current, own), paying_from(None):
        yield


@contextmanager
def working_on(call: Call) -> Generator[Call]:
    """Make `call` the current one in this block. For the kit's own interceptors and for tests."""
    with bound(_current, call):
        yield call


def vouched_key(team: str, key_id: str) -> VerifyingKey | None:
    """Return a key that is vouched for. Only in the validator of an update: elsewhere it would differ on replay.

    Raises:
        RuntimeError: This is no validator of an update in a worker of the mesh.
    """
    find_key = _find_key.get()
    if find_key is None:
        raise RuntimeError("keys can be looked up in the validator of an update only")
    return find_key(team, key_id)


@contextmanager
def trusting(find_key: FindKey) -> Generator[None]:
    """Let `vouched_key` look keys up in this block. For the kit's own interceptors and for tests."""
    with bound(_find_key, find_key):
        yield


class HeldLocks:
    """What a run holds just now: the same for all of its tasks, whichever of them lets go and takes again."""

    def __init__(self, held: tuple[Held, ...]) -> None:
        self.held = held


@contextmanager
def holding(locks: HeldLocks) -> Generator[None]:
    """Have the current call hold `locks` in this block. For the kit's own use."""
    with bound(_locks, locks):
        yield


def maybe_current() -> Call | None:
    """Return the call this code works on, or None outside of one."""
    call, locks = _current.get(), _locks.get()
    return call if call is None or locks is None else replace(call, held=locks.held)


def origin() -> Origin | None:
    """Return what `starting` gave, or None."""
    return _origin.get()
