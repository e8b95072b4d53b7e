"""Takes a run up again from one of its steps, with other instructions or another model, when that does no harm.

    resetting = Resetting(client, promises=promises_from(registry), find_key=await keys_of(registry))
    await resetting.reset(run_id, Change(step=3, instructions="…"), credential=credential)

What came before the step is kept and not done again: Temporal replays it. What the step and those after it changed
has happened, and would happen once more; so a run that changed something for good cannot be reset to before that,
except dry.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import OperationDescription, Promise, RefusedError, UnavailableError
from callboard_kit.agent import CALL_MODEL
from callboard_kit.agent.course import Course
from callboard_kit.caller import CALL_HEADER
from callboard_kit.identity import FindKey, InvalidTokenError, VerifyingKey, digest
from callboard_kit.persons import Credential, Person, read_statement
from callboard_kit.resetting.performing import Point, direct, history_of, reset
from callboard_kit.resetting.steps import Done, Steps, steps_of
from callboard_kit.tokens import Call
from callboard_orchestrator.runs import PREFIX, UnknownRunError
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.discovery import OperationName
from callboard_registry_api.model import STATES

RUNS: Final = "runs"
"""The scope of whoever may have to do with runs: they may reset those that are done for them."""

RUNS_ALL: Final = "runs-all"
"""The scope of whoever may have to do with everybody's runs."""

_HARMLESS: Final = frozenset({CALL_MODEL, "offered_operations", "find_operations", "open_operations"})
"""Activities of a run that change nothing."""

_QUESTION: Final = ("inbox.v1", "ask")
"""To ask a person changes nothing: they are asked anew."""

_SHOWN: Final = 5

Promises = Callable[[Sequence[tuple[str, str]]], Awaitable[Mapping[tuple[str, str], Promise]]]
"""Returns what operations promise, by service and name; without those of which nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is wanted of a run that is reset."""

    step: int
    """The step to go on from, as `Run.steps` numbers them."""

    instructions: str | None = None
    """What its agent is told instead. None: the same as before."""

    model: str | None = None
    """The model to ask instead. None: the same as before."""

    dry: bool = False
    """Change nothing from there on."""

    latest_build: bool = False
    """Go on with the build that gets new work, not with the one that the run began on."""

    undone: bool = False
    """Whether whatever can be changed back has been: it then counts no more. What is for good still does."""


@dataclass(frozen=True, kw_only=True)
class WasReset:
    """A run that was reset."""

    run_id: str
    of: str
    """The run that was reset, as Temporal has it; its history is kept as long as any other's."""

    goes_on_as: str
    """The one that goes on, as Temporal has it."""

    step: int
    dry: bool
    by: str


class Resetting:
    """Resets runs of the orchestrator.

    Args:
        client: Of the orchestrator's namespace.
        promises: Tells what operations promise.
        find_key: Whose keys are vouched for; a person is believed by the inbox's.
    """

    def __init__(self, client: Client, *, promises: Promises, find_key: FindKey) -> None:
        self._client = client
        self._promises = promises
        self._find_key = find_key

    async def reset(self, run_id: str, change: Change, *, credential: Credential) -> WasReset:
        """Have a run go on from one of its steps, otherwise than it did.

        Raises:
            RefusedError: Nothing is to be otherwise, there is no such step, the run goes on, this person may not, or
                what was done from that step on cannot be done twice.
            UnknownRunError: There is no such run.
            UnavailableError: Temporal or the registry does not answer.
        """
        if change.instructions is not None and not change.instructions.strip():
            raise RefusedError("the instructions are empty; leave them out to keep those that there are")
        known, call, execution = await self._read(run_id)
        statement, person = self._signed(run_id, execution, change, credential)
        _require_right(person, call, run_id)
        if not known.ended:
            raise RefusedError(
                f"run {run_id} goes on, and what it waits for would be left alone with its work;"
                f" end it first with 'callboard runs cancel {run_id}'"
            )
        step = known.find(change.step)
        if step is None:
            raise RefusedError(f"run {run_id} has {len(known.steps)} steps, and no step {change.step}")
        if not change.dry and (harm := await self._harm(known.done_after(change.step), undone=change.undone)):
            raise RefusedError(
                f"run {run_id} cannot be reset to step {change.step}: {harm}."
                " Reset it to a later step, change back what can be and say so, or try it dry, which changes nothing"
            )
        point = Point(workflow_id=f"{PREFIX}{run_id}", run_id=execution, task=step.task)
        try:
            goes_on_as = await reset(
                self._client,
                point,
                reason=f"reset to step {change.step} by {person.name}{', dry' if change.dry else ''}",
                request_id=digest(statement.encode()),
                auto_upgrade=change.latest_build,
            )
            course = Course(
                of=execution,
                to=goes_on_as,
                step=change.step,
                by=person.name,
                statement=statement,
                instructions=change.instructions,
                model=change.model,
                dry=change.dry,
            )
            await direct(self._client, point, course)
        except RPCError as error:
            raise UnavailableError(f"Temporal did not reset run {run_id}: {error.message}") from error
        return WasReset(
            run_id=run_id, of=execution, goes_on_as=goes_on_as, step=change.step, dry=change.dry, by=person.name
        )

    async def _read(self, run_id: str) -> tuple[Steps, Call | None, str]:
        workflow_id = f"{PREFIX}{run_id}"
        try:
            described = await self._client.get_workflow_handle(workflow_id).describe()
            # By its id: what is decided on is the run that is reset, whatever happens to it meanwhile.
            events = await history_of(self._client, workflow_id, described.run_id)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise UnknownRunError(f"there is no run {run_id!r}") from error
            raise UnavailableError(f"Temporal does not answer for run {run_id}: {error.message}") from error
        header = events[0].workflow_execution_started_event_attributes.header.fields.get(CALL_HEADER)
        return steps_of(events), None if header is None else Call.from_json(header.data), described.run_id

    def _signed(self, run_id: str, execution: str, change: Change, credential: Credential) -> tuple[str, Person]:
        now = time.time()
        claims: dict[str, object] = {
            "rst": run_id,
            "run": execution,
            "stp": change.step,
            "dry": change.dry,
            "und": change.undone,
        }
        if change.instructions is not None:
            claims["ins"] = digest(change.instructions.encode())
        if change.model is not None:
            claims["mod"] = change.model
        statement = credential.state(claims, now=now)
        try:
            return statement, read_statement(statement, find_key=self._find_key, now=now).person
        except InvalidTokenError as error:
            raise RefusedError(f"it is not proved who resets run {run_id}: {error}") from error

    async def _harm(self, done: Sequence[Done], *, undone: bool) -> str:
        """Return what of it cannot be done twice; empty when all of it can."""
        called = sorted(
            {(each.service, each.name) for each in done if each.kind == "operation"} - {_QUESTION},
        )
        promises: Mapping[tuple[str, str], Promise] = await self._promises(called) if called else {}
        harm = [words for each in done if (words := _harm_of(each, promises, undone=undone))]
        more = f" and {len(harm) - _SHOWN} more" if len(harm) > _SHOWN else ""
        return "; ".join(harm[:_SHOWN]) + more


def _harm_of(done: Done, promises: Mapping[tuple[str, str], Promise], *, undone: bool) -> str:
    name = f"{done.service} {done.name}"
    if done.outcome == "refused" or (done.service, done.name) == _QUESTION:
        return ""
    happened = "was carried out" if done.outcome == "ok" else "may have been carried out"
    if done.kind != "operation":
        return "" if done.name in _HARMLESS else f"{done.kind} {done.name} {happened}, and nobody knows what it changes"
    promise = promises.get((done.service, done.name))
    if promise is None:
        return f"{name} {happened}, and nobody knows what it promises"
    if promise.effect == "read" or promise.idempotency == "natural":
        return ""
    if promise.effect == "write" and undone:
        return ""
    back = ", and can be changed back" if promise.effect == "write" else " for good"
    return f"{name} {happened}, which would change something twice{back}"


def _require_right(person: Person, call: Call | None, run_id: str) -> None:
    if RUNS_ALL in person.scopes:
        return
    if RUNS in person.scopes and call is not None and call.person == person.name:
        return
    raise RefusedError(
        f"{person.name!r} may not reset run {run_id}: that takes the scope {RUNS_ALL!r}, or {RUNS!r} and a run that is"
        " done for them; 'callboard persons issue NAME --scope SCOPE' makes such a credential"
    )


def promises_from(registry: RegistryClient) -> Promises:
    """Return what the registry says that operations promise, whether or not the orchestrator may call them now."""

    async def promises(operations: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Promise]:
        names = [OperationName(*each) for each in operations]
        described = await registry.discovery.describe(names, states=tuple(STATES))
        return {
            (each.service, each.operation): OperationDescription.model_validate_json(each.document).promise
            for each in described
        }

    return promises


async def keys_of(registry: RegistryClient) -> FindKey:
    """Return whose keys the registry vouches for now."""
    keys = {
        (key.team, key.key_id): VerifyingKey(team=key.team, key_id=key.key_id, public_bytes=key.public_bytes)
        for key in await registry.list_public_keys()
    }
    return lambda team, key_id: keys.get((team, key_id))
