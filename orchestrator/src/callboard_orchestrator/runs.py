"""Runs, for whoever stands outside of them: start one, watch it, wait for it, cancel it, find it again.

A client of runs never works on one: it polls no task queue. It needs Temporal; to watch it also needs Redis.

    async with open_runs(settings) as runs:
        run = await runs.start("Please cancel my order #W1000001, it was a mistake.")
        async for told in run.events():
            …
        settled = await run.result()

From another process, `runs.get(run_id)` is the same run.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit import mesh
from callboard_kit.client import connect
from callboard_kit.context import Brief
from callboard_kit.events.following import EventHub, Told
from callboard_kit.events.model import RunEnded, outcome_of_run
from callboard_kit.events.positions import BEGINNING, position
from callboard_kit.failing import from_failure
from callboard_kit.limits import Limits
from callboard_kit.resetting.performing import history_of
from callboard_kit.resetting.steps import Steps, steps_of
from callboard_kit.settings import Settings
from callboard_kit.tokens import Origin
from callboard_orchestrator.messages import Approvals, Request, Settled
from callboard_orchestrator.workflows import Orchestrate

TEAM: Final = "orchestrator"

READER: Final = "gateway"
"""The user of Redis that may read events."""

PATIENCE: Final = timedelta(seconds=5)
"""How long an interactive run waits for a worker to take it up."""

OLDEST_POLL: Final = timedelta(seconds=75)
"""How long ago a worker may have asked for work and still count as there: it asks at least every 60 s."""

Mode = Literal["interactive", "autonomous"]
"""`interactive`: somebody waits, so a run that no worker takes up fails within seconds. `autonomous`: it waits."""

State = Literal["running", "ok", "failed", "cancelled", "terminated", "timed_out"]
"""How a run stands."""

_STATES: Final[Mapping[WorkflowExecutionStatus, State]] = {
    WorkflowExecutionStatus.RUNNING: "running",
    WorkflowExecutionStatus.CONTINUED_AS_NEW: "running",
    WorkflowExecutionStatus.COMPLETED: "ok",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
}
PREFIX: Final = f"{TEAM}-orchestrate-"
"""What the ids of runs' workflows begin with."""

_TAKEN_UP: Final = 3
"""Events of a history in which a worker has begun: started, task scheduled, task started."""

_CLOSES_WITHIN_SECONDS: Final = 10
"""How long who follows a run waits, after its end was told, for Temporal to know of it."""


class UnknownRunError(RefusedError):
    """There is no such run, or Temporal keeps it no longer."""


class RunExistsError(RefusedError):
    """There is a run with this id already."""


class NoWorkerError(UnavailableError):
    """No worker takes up runs at present."""


class NoEventsError(UnavailableError):
    """This client was not told where events are."""


@dataclass(frozen=True)
class RunSummary:
    """How a run stands."""

    id: str
    state: State
    started: datetime
    ended: datetime | None
    memo: Mapping[str, Any]  # Any: whatever was noted when it was started
    """What was noted of it when it was started."""


class Run:
    """One run, by its id. Making the object asks nobody anything."""

    def __init__(self, client: Client, hub: EventHub | None, id: str) -> None:
        self.id = id
        self._client = client
        self._hub = hub
        self._handle: WorkflowHandle[Orchestrate, Settled] = client.get_workflow_handle_for(
            Orchestrate.run, f"{PREFIX}{id}"
        )

    async def result(self) -> Settled:
        """Wait for what comes of it. Being cancelled while waiting leaves the run alone.

        Raises:
            MeshError: It was refused, failed, was cancelled, or ended otherwise without a result.
            UnknownRunError: There is no such run.
        """
        try:
            return await self._handle.result()
        except WorkflowFailureError as error:
            ending = await self.ending()
            known = from_failure(error, what=f"run {self.id}")
            raise known or MeshError(
                f"run {self.id} was {'cancelled' if ending is None else ending.outcome}"
            ) from error
        except RPCError as error:
            raise self._unknown(error) from error

    async def events(self, *, after: str = BEGINNING) -> AsyncGenerator[Told]:
        """Yield what happened since a position and what happens, up to the run's end. Leaving stops nothing.

        Raises:
            UnknownRunError: There is no such run.
            InvalidPositionError: `after` is no position.
            NoEventsError: It is not known where events are.
        """
        async with aclosing(self.watch(after=after)) as events:
            async for told in events:
                if told is not None:
                    yield told

    async def watch(self, *, after: str = BEGINNING) -> AsyncGenerator[Told | None]:
        """Yield what `events` yields, and None every few seconds while nothing happens; raises the same."""
        if self._hub is None:
            raise NoEventsError("live events are off: CALLBOARD_REDIS_URL is not set")
        since = position(after)
        await self.summary()
        async with aclosing(self._hub.watch(self.id, ended=self.ending, after=since)) as events:
            async for told in events:
                if told is not None and told.event.kind == "run.ended":
                    await self._closed()
                yield told

    async def cancel(self, *, reason: str = "") -> None:
        """Ask the run to stop, with all that it waits for; `result` then raises.

        Raises:
            RefusedError: It is over.
            UnknownRunError: There is no such run.
        """
        summary = await self.summary()
        if summary.state != "running":
            raise RefusedError(f"run {self.id} is over: it is {summary.state!r}")
        try:
            await self._handle.cancel(reason=reason)
        except RPCError as error:
            raise self._unknown(error) from error

    async def summary(self) -> RunSummary:
        """Return how it stands.

        Raises:
            UnknownRunError: There is no such run.
        """
        try:
            return await _summary(await self._handle.describe())
        except RPCError as error:
            raise self._unknown(error) from error

    async def steps(self) -> Steps:
        """Return what its agent did, step by step, and where it was reset.

        Raises:
            UnknownRunError: There is no such run.
        """
        try:
            return steps_of(await history_of(self._client, self._handle.id))
        except RPCError as error:
            raise self._unknown(error) from error

    async def ending(self) -> RunEnded | None:
        """Return how it ended, as Temporal knows it; None while it runs, or when Temporal does not answer."""
        try:
            state = (await _summary(await self._handle.describe())).state
            if state == "running":
                return None
            if state != "failed":
                return RunEnded(outcome=state)
            await self._handle.result()
        except WorkflowFailureError as error:
            told = from_failure(error, what=f"run {self.id}") or MeshError(f"run {self.id} failed")
            return RunEnded(outcome=outcome_of_run(told), error=str(told))
        except RPCError:
            return None
        return None

    async def _closed(self) -> None:
        """Return once Temporal knows of an end that was told: who hears of it then finds the result."""
        try:
            async with asyncio.timeout(_CLOSES_WITHIN_SECONDS):
                await self._handle.result()
        except (WorkflowFailureError, TimeoutError, RPCError):
            return  # It failed, or its last task is lost and made again: its end was told all the same.

    async def taken_up(self) -> bool:
        """Return whether a worker has begun to work on it."""
        return (await self._handle.describe()).history_length >= _TAKEN_UP

    async def give_up(self, *, reason: str) -> None:
        """End it on the spot, without its knowing."""
        try:
            await self._handle.terminate(reason=reason)
        except RPCError as error:
            raise self._unknown(error) from error

    def _unknown(self, error: RPCError) -> MeshError:
        if error.status is RPCStatusCode.NOT_FOUND:
            return UnknownRunError(f"there is no run {self.id!r}")
        return UnavailableError(f"Temporal does not answer for run {self.id}: {error.message}")


class Runs:
    """Starts runs, and finds them.

    Args:
        client: A client of the orchestrator's namespace with the `MeshPlugin`.
        hub: Where events are read; None: nowhere.
        task_queue: The queue that the workers poll.
    """

    def __init__(self, client: Client, *, hub: EventHub | None = None, task_queue: str = TEAM) -> None:
        self._client = client
        self._hub = hub
        self._task_queue = task_queue

    async def start(
        self,
        words: str,
        *,
        person: str | None = None,
        id: str | None = None,
        limits: Limits | None = None,
        approvals: Approvals = "none",
        mode: Mode = "interactive",
        brief: Brief | None = None,
        memo: Mapping[str, Any] | None = None,  # Any: whatever is to be noted
    ) -> Run:
        """Start a run that settles a request in words; it goes on whatever becomes of this process.

        Args:
            words: What is wanted, in plain language.
            person: Whom it is done for.
            id: The run's id, which is that of its tree. Absent: one is made up. None is used twice.
            limits: What the whole tree may use up.
            approvals: What a person must agree to before it is called.
            mode: What happens when no worker is there.
            brief: What the planning agent is given beside, as far as its rules allow.
            memo: What to note of it; stands in Temporal in plain text.

        Raises:
            RunExistsError: There is a run with this id.
            NoWorkerError: Nobody takes it up; only of an interactive run, which is then ended.
            UnavailableError: Temporal does not answer.
        """
        origin = Origin(root=id or uuid.uuid4().hex[:16], person=person, limits=limits or Limits())
        try:
            if mode == "interactive":
                await self._require_worker()
            with mesh.starting(origin):
                await self._client.start_workflow(
                    Orchestrate.run,
                    Request(words=words, approvals=approvals, brief=brief),
                    id=f"{PREFIX}{origin.root}",
                    task_queue=self._task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    memo=memo,
                )
            run = self.get(origin.root)
            if mode == "interactive":
                await self._require_start(run)
        except WorkflowAlreadyStartedError as error:
            raise RunExistsError(f"there is a run {origin.root!r} already") from error
        except RPCError as error:
            raise UnavailableError(f"Temporal does not answer: {error.message}") from error
        return run

    async def execute(self, words: str, *, person: str | None = None, limits: Limits | None = None) -> Settled:
        """Start an interactive run and wait for what comes of it; raises what `start` and `result` raise."""
        run = await self.start(words, person=person, limits=limits)
        return await run.result()

    async def stream(
        self, words: str, *, person: str | None = None, limits: Limits | None = None
    ) -> AsyncGenerator[Told]:
        """Start an interactive run and yield what happens in it; raises what `start` and `events` raise."""
        run = await self.start(words, person=person, limits=limits)
        async for told in run.events():
            yield told

    def get(self, run_id: str) -> Run:
        """Return a run by its id, whoever started it; whether there is one shows when it is asked something."""
        return Run(self._client, self._hub, run_id)

    async def list(
        self, *, prefix: str = "", running: bool = False, most: int = 50, page: bytes | None = None
    ) -> tuple[list[RunSummary], bytes | None]:
        """Return runs, newest first, and what to give as `page` for more of them, if there are more.

        Args:
            prefix: What their ids begin with: letters and digits.
            running: Only those that run.
            most: How many, at most.
            page: What the call before returned.
        """
        query = f"WorkflowType = 'Orchestrate' AND WorkflowId STARTS_WITH '{PREFIX}{prefix}'"
        if running:
            query += " AND ExecutionStatus = 'Running'"
        found = self._client.list_workflows(query, page_size=most, next_page_token=page)
        try:
            await found.fetch_next_page()
            summaries = [await _summary(each) for each in found.current_page or []]
        except RPCError as error:
            raise UnavailableError(f"Temporal does not answer: {error.message}") from error
        return summaries, found.next_page_token or None

    async def _require_worker(self) -> None:
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while not await self._is_polled():
            if time.monotonic() > deadline:
                raise NoWorkerError(
                    f"no worker of team {TEAM!r} polls task queue {self._task_queue!r}; "
                    "start one, or start the run in mode 'autonomous', which waits for one"
                )
            await asyncio.sleep(0.25)

    async def _is_polled(self) -> bool:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=self._task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        answer = await self._client.workflow_service.describe_task_queue(request)
        oldest = datetime.now(UTC) - OLDEST_POLL
        return any(poller.last_access_time.ToDatetime(UTC) > oldest for poller in answer.pollers)

    async def _require_start(self, run: Run) -> None:
        # The server remembers for a while who polled: a worker that was killed a moment ago still counts as there.
        pause, deadline = 0.01, time.monotonic() + PATIENCE.total_seconds()
        while not await run.taken_up():
            if time.monotonic() > deadline:
                await run.give_up(reason="no worker took it up while somebody waited")
                raise NoWorkerError(
                    f"no worker of team {TEAM!r} took up run {run.id} within {PATIENCE.total_seconds():g} s, so it was"
                    " ended; start a worker, or start the run in mode 'autonomous', which waits for one"
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.5)


@asynccontextmanager
async def open_runs(
    settings: Settings | None = None, *, client: Client | None = None, instance: str | None = None
) -> AsyncGenerator[Runs]:
    """Connect to the mesh that `settings` describe, as a client of the orchestrator's, for the length of the block.

    Runs start on the copy of the worker that `instance`, or else `settings`, name; without one, on any.
    """
    settings = settings or Settings.from_environment()
    client = client or await connect(TEAM, settings=settings)
    url = settings.redis_for(READER)
    hub = None if url is None else EventHub(url)
    try:
        yield Runs(client, hub=hub, task_queue=settings.queue_for(TEAM, instance))
    finally:
        if hub is not None:
            await hub.close()


async def _summary(execution: WorkflowExecution) -> RunSummary:
    status = execution.status
    return RunSummary(
        id=execution.id.removeprefix(PREFIX),
        state="running" if status is None else _STATES[status],
        started=execution.start_time,
        ended=execution.close_time,
        memo=await execution.memo(),
    )
