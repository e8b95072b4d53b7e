"""The schedule of an ambient agent, for whoever stands outside: start it, look at it, pause it, wake it, read reports.

Everything here asks Temporal and nobody else, so it works while no worker runs. Between wakes the schedule is all
there is of the agent; pausing it is Temporal's own pausing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import RefusedError, UnavailableError
from callboard_kit.ambient.findings import Report, Settled
from callboard_kit.ambient.memory import Woken
from callboard_kit.ambient.policies import WatchPolicy
from callboard_kit.ambient.remedies import outcome
from callboard_kit.ambient.watch import Waking

SHORTEST: Final = timedelta(seconds=1)
"""The shortest time between two wakes that a schedule can have."""

_GRACE: Final = timedelta(minutes=15)
"""How much longer than its policy says a wake may take until Temporal ends it."""

_LONGEST: Final = timedelta(hours=2)
"""How long a wake may take that goes by a policy which only its worker knows."""

_LATE: Final = timedelta(hours=1)
"""A wake that was missed, by a Temporal that was away, is made good for this long."""

_LONGEST_NOTE: Final = 200
_APPLIED: Final = timedelta(seconds=20)
_BETWEEN_LOOKS: Final = 0.05

ResultT = TypeVar("ResultT")

State = Literal["running", "ok", "failed"]
"""How a wake stands. `failed` is also one that was ended from outside, or that ran out of time."""


@dataclass(frozen=True)
class WatchStatus:
    """How an ambient agent stands."""

    paused: bool
    note: str
    """Who paused or resumed it last, and why."""

    every: timedelta
    """The time from one wake to the next."""

    since: datetime
    """When it was started first."""

    policy: WatchPolicy | None
    """The policy that its schedule gives it. None: its own."""

    next: datetime | None
    """When it wakes next by its schedule; None while it is paused."""

    wakes: int
    """How many wakes its schedule has started."""

    waking: bool
    """Whether a wake goes on."""

    waiting: tuple[str, ...]
    """Workflows of remedies that go on, most of them waiting for a person."""


@dataclass(frozen=True)
class Wake:
    """One wake, and what it reported."""

    workflow: str
    began: datetime
    state: State
    report: Report | None
    """Absent: it goes on, or failed."""


class WatchSchedule:
    """The schedule of one ambient agent.

    Args:
        client: A client of its team's namespace; one without the mesh's plugin will do.
        team: Whose it is.
        name: What it is called; see `Watch.name`.
        task_queue: The queue that the team's workers poll. Absent: the team's name.
        waking: The name of the workflow that wakes.
    """

    def __init__(
        self, client: Client, team: str, *, name: str = "watch", task_queue: str = "", waking: str = "Wake"
    ) -> None:
        self._client = client
        self._id = f"{team}-{name}"
        self._task_queue = task_queue or team
        self._waking = waking

    @property
    def id(self) -> str:
        """Return the schedule's id, by which Temporal's own tools find it."""
        return self._id

    async def start(self, *, every: timedelta, now: datetime, policy: WatchPolicy | None = None) -> None:
        """Have the agent wake every so often from now on; one that is there gets another rhythm and another policy.

        What it remembers stays, and so does being paused.

        Raises:
            RefusedError: It would wake without a pause.
            UnavailableError: Temporal does not answer, or takes long to apply it.
        """
        if every < SHORTEST:
            raise RefusedError(f"a watch cannot wake every {every.total_seconds():g} s; 1 s is the least")
        spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)])
        schedule = Schedule(
            action=self._action(Waking(since=now, policy=policy)),
            spec=spec,
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=_LATE),
        )
        try:
            await self._client.create_schedule(self._id, schedule)
        except ScheduleAlreadyRunningError:
            before = await self._describe()
            since = (await self._waking_of(before)).since
            action = self._action(Waking(since=since, policy=policy))

            def change(input: ScheduleUpdateInput) -> ScheduleUpdate:
                found = input.description.schedule
                return ScheduleUpdate(
                    schedule=Schedule(action=action, spec=spec, policy=found.policy, state=found.state)
                )

            await self._asked(self._handle.update(change))
            await self._until(lambda found: found.info.last_updated_at != before.info.last_updated_at)
        except RPCError as error:
            raise _away(error) from error

    async def stop(self) -> None:
        """Take the schedule away, and with it what the agent remembers. Remedies that were begun go on.

        Raises:
            RefusedError: There is none.
        """
        await self._asked(self._handle.delete())

    async def status(self) -> WatchStatus:
        """Return how it stands.

        Raises:
            RefusedError: There is none.
        """
        described = await self._describe()
        waking = await self._waking_of(described)
        state, [interval] = described.schedule.state, described.schedule.spec.intervals
        upcoming = described.info.next_action_times
        return WatchStatus(
            paused=state.paused,
            note=state.note or "",
            every=interval.every,
            since=waking.since,
            policy=waking.policy,
            next=upcoming[0] if upcoming and not state.paused else None,
            wakes=described.info.num_actions,
            waking=bool(described.info.running_actions),
            waiting=tuple([each async for each in self._open_remedies()]),
        )

    async def pause(self, note: str) -> None:
        """Have it wake no more until `resume`, whatever happens. A wake that goes on comes to its end.

        Raises:
            RefusedError: There is none.
        """
        await self._asked(self._handle.pause(note=note[:_LONGEST_NOTE]))
        await self._until(lambda found: found.schedule.state.paused)

    async def resume(self, note: str) -> None:
        """Have it wake again by its schedule. What it missed meanwhile is not made good: it looks at what is.

        Raises:
            RefusedError: There is none.
        """
        await self._asked(self._handle.unpause(note=note[:_LONGEST_NOTE]))
        await self._until(lambda found: not found.schedule.state.paused)

    async def trigger(self) -> None:
        """Wake it now, because something happened; while a wake goes on, once more when that is over.

        What happened is not passed on: it looks for itself. So whoever triggers can make it look, and no more.

        Raises:
            RefusedError: There is none, or it is paused.
        """
        state = (await self._describe()).schedule.state
        if state.paused:
            raise RefusedError(f"{self._id} is paused ({state.note or 'nobody said why'}); resume it first")
        await self._asked(self._handle.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE))

    async def wakes(self, most: int = 10) -> AsyncIterator[Wake]:
        """Yield its last wakes, newest first, for as long as Temporal keeps them.

        Raises:
            UnavailableError: Temporal does not answer.
        """
        query = f"WorkflowType = '{self._waking}' AND WorkflowId STARTS_WITH '{self._id}-wake-'"
        try:
            async for found in self._client.list_workflows(query, limit=most):
                report, state = None, _state(found.status)
                if state == "ok":
                    handle = self._client.get_workflow_handle(found.id, run_id=found.run_id, result_type=Woken)
                    report = (await handle.result()).report
                yield Wake(workflow=found.id, began=found.start_time, state=state, report=report)
        except RPCError as error:
            raise _away(error) from error

    async def outcome(self, workflow: str) -> Settled | None:
        """Return how a remedy ended; None while it goes on.

        Raises:
            UnavailableError: Temporal does not answer.
        """
        return await outcome(self._client, workflow)

    @property
    def _handle(self) -> ScheduleHandle:
        return self._client.get_schedule_handle(self._id)

    def _action(self, waking: Waking) -> ScheduleActionStartWorkflow:
        policy = waking.policy
        return ScheduleActionStartWorkflow(
            self._waking,
            waking,
            id=f"{self._id}-wake",
            task_queue=self._task_queue,
            execution_timeout=_LONGEST if policy is None else policy.rest + policy.longest + _GRACE,
        )

    async def _describe(self) -> ScheduleDescription:
        return await self._asked(self._handle.describe())

    async def _until(self, so: Callable[[ScheduleDescription], bool]) -> None:
        """Return once a change is in force: Temporal takes it and applies it a moment later."""
        try:
            async with asyncio.timeout(_APPLIED.total_seconds()):
                while True:
                    if so(await self._describe()):
                        return
                    await asyncio.sleep(_BETWEEN_LOOKS)
        except TimeoutError as error:
            raise UnavailableError(f"Temporal has not applied the change of {self._id} yet; look again") from error

    async def _waking_of(self, described: ScheduleDescription) -> Waking:
        action = described.schedule.action
        assert isinstance(action, ScheduleActionStartWorkflow)
        [waking] = await self._client.data_converter.decode(action.args, [Waking])
        return waking

    async def _open_remedies(self) -> AsyncIterator[str]:
        query = f"WorkflowId STARTS_WITH '{self._id}-remedy-' AND ExecutionStatus = 'Running'"
        try:
            async for found in self._client.list_workflows(query):
                yield found.id
        except RPCError as error:
            raise _away(error) from error

    async def _asked(self, asking: Awaitable[ResultT]) -> ResultT:
        try:
            return await asking
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise RefusedError(f"there is no {self._id}; `callboard watch start` makes it") from error
            raise _away(error) from error


def _state(status: WorkflowExecutionStatus | None) -> State:
    if status in (None, WorkflowExecutionStatus.RUNNING):
        return "running"
    return "ok" if status is WorkflowExecutionStatus.COMPLETED else "failed"


def _away(error: RPCError) -> UnavailableError:
    return UnavailableError(f"Temporal does not answer: {error.message}")
