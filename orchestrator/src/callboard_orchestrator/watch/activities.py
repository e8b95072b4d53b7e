"""What the watch does to this team's own runs, as their client: find those that go on for long, and stop one."""

from datetime import UTC, datetime
from typing import Final

from temporalio import activity
from temporalio.client import WorkflowExecution, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import UnavailableError
from callboard_orchestrator.watch.rules import LongRun, RunToStop

MOST_RUNS: Final = 20
"""Runs that one look describes."""

_PREFIX: Final = "orchestrator-orchestrate-"
_ASKING: Final = ("inbox.v1", "ask")
"""The operation that a run waits for while a person thinks; such a run is not stuck."""


class RunKeeper:
    """Looks at runs and stops them."""

    @activity.defn
    async def long_runs(self, before: datetime) -> tuple[LongRun, ...]:
        """Return runs that began before a moment and go on; those that wait for a person's answer are left out.

        Raises:
            UnavailableError: Temporal does not answer.
        """
        client = activity.client()
        moment = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = f"WorkflowType = 'Orchestrate' AND ExecutionStatus = 'Running' AND StartTime < '{moment}'"
        found: list[LongRun] = []
        try:
            async for each in client.list_workflows(query, limit=MOST_RUNS):
                if not each.id.startswith(_PREFIX):
                    continue  # Plain Temporal started it, under a name of its own.
                described = await client.get_workflow_handle(each.id).describe()
                if described.status is WorkflowExecutionStatus.RUNNING and not _waits_for_a_person(described):
                    found.append(_long_run(each, described))
        except RPCError as error:
            raise UnavailableError(f"Temporal does not answer: {error.message}") from error
        return tuple(found)

    @activity.defn
    async def goes_on(self, run_id: str) -> bool:
        """Tell whether a run has not come to its end.

        Raises:
            UnavailableError: Temporal does not answer.
        """
        try:
            described = await activity.client().get_workflow_handle(f"{_PREFIX}{run_id}").describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise UnavailableError(f"Temporal does not answer for run {run_id}: {error.message}") from error
        return described.status is WorkflowExecutionStatus.RUNNING

    @activity.defn
    async def stop_run(self, run: RunToStop) -> str:
        """Cancel a run, with all that it waits for; done twice, it is done once.

        Raises:
            UnavailableError: Temporal does not answer.
        """
        try:
            await activity.client().get_workflow_handle(f"{_PREFIX}{run.run_id}").cancel(reason=run.reason)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return f"run {run.run_id} was over already"
            raise UnavailableError(f"Temporal does not answer for run {run.run_id}: {error.message}") from error
        return f"run {run.run_id} was cancelled"


def _waits_for_a_person(described: WorkflowExecutionDescription) -> bool:
    pending = described.raw_description.pending_nexus_operations
    return any((each.service, each.operation) == _ASKING for each in pending)


def _long_run(run: WorkflowExecution, described: WorkflowExecutionDescription) -> LongRun:
    raw = described.raw_description
    # Names and numbers only: why something failed may quote what is nobody's business here.
    operations = [f"{each.service} {each.operation}, attempt {each.attempt}" for each in raw.pending_nexus_operations]
    activities = [f"activity {each.activity_type.name}, attempt {each.attempt}" for each in raw.pending_activities]
    return LongRun(
        run_id=run.id.removeprefix(_PREFIX),
        started=run.start_time,
        pending=tuple([*operations, *activities][:10]),
    )
