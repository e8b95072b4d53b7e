"""What stands in for a trial while it goes on: a workflow of the team that lasts as long as the trial does.

Its memo says what the trial is, for workers to read without asking it; there is one of each kind at a time.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import VersioningBehavior, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import Message
from callboard_kit.trials.assigning import Experiment

EXPERIMENT: Final = "callboard.Experiment"
"""The type of the workflow that stands for an experiment."""

STOP: Final = "stop"
"""The signal that ends a trial."""

_MEMO: Final = "callboard_trial"

TrialT = TypeVar("TrialT", bound=Message)
StandsT = TypeVar("StandsT")


class TrialError(Exception):
    """What is not possible with a trial, and why."""


@workflow.defn(name=EXPERIMENT, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class ExperimentStands:
    """Lasts as long as an experiment is in force: until somebody stops it, or its time is over."""

    def __init__(self) -> None:
        """Wait to be stopped."""
        self._stopped = False

    @workflow.run
    async def run(self, experiment: Experiment) -> str:
        """Wait, and return why the experiment ended."""
        left = experiment.ends - workflow.now()
        try:
            await workflow.wait_condition(lambda: self._stopped, timeout=max(left.total_seconds(), 0.001))
        except TimeoutError:
            return "its time was over"
        return "it was stopped"

    @workflow.signal(name=STOP)
    def stop(self) -> None:
        """End it."""
        self._stopped = True


def experiment_id(team: str) -> str:
    """Return the id of the workflow that stands for a team's experiment."""
    return f"{team}-experiment"


async def begin_experiment(client: Client, experiment: Experiment, *, task_queue: str) -> None:
    """Put an experiment in force.

    Raises:
        TrialError: Another one is.
    """
    team = experiment.team
    taken = f"team {team!r} has an experiment already; 'callboard experiment stop {team}' ends it"
    await begin(client, ExperimentStands.run, experiment, id=experiment_id(team), task_queue=task_queue, taken=taken)


async def begin(
    client: Client,
    stands: Callable[[StandsT, TrialT], Awaitable[object]],
    trial: TrialT,
    *,
    id: str,
    task_queue: str,
    taken: str,
) -> None:
    """Put a trial in force by starting the workflow that stands for it.

    Raises:
        TrialError: `taken`, since another one is in force.
    """
    try:
        await client.start_workflow(
            stands,
            trial,
            id=id,
            task_queue=task_queue,
            memo=memo_of(trial),
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
    except WorkflowAlreadyStartedError as error:
        raise TrialError(taken) from error


async def stop(client: Client, workflow_id: str, what: str) -> None:
    """End the trial that a workflow stands for; returns when it has ended.

    Raises:
        TrialError: None is in force.
    """
    handle = client.get_workflow_handle(workflow_id)
    try:
        await handle.signal(STOP)
        await handle.result()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise TrialError(f"there is no {what} in force") from error
        raise


async def in_force(client: Client, workflow_id: str, form: type[TrialT]) -> TrialT | None:
    """Return the trial that is in force; None when none is."""
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return await _read(described, form) if described.status is WorkflowExecutionStatus.RUNNING else None


async def known(client: Client, workflow_id: str, form: type[TrialT]) -> AsyncIterator[tuple[TrialT, datetime | None]]:
    """Yield the trials that Temporal still knows of, the newest first, and when each ended if it has."""
    async for run in client.list_workflows(f"WorkflowId = '{workflow_id}'"):
        if (trial := await _read(run, form)) is not None:
            yield trial, None if run.close_time is None else run.close_time.astimezone(UTC)


def memo_of(trial: Message) -> Mapping[str, object]:
    """Return the memo of a workflow that stands for a trial."""
    return {_MEMO: trial.model_dump(mode="json")}


async def _read(run: WorkflowExecution, form: type[TrialT]) -> TrialT | None:
    try:
        return form.model_validate(await run.memo_value(_MEMO, default=None))
    except ValidationError:  # Of a build that writes something else.
        return None
