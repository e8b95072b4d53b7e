"""Moves runs that are under way from one build to another: Temporal's versioning override, run by run."""

from typing import Protocol

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from callboard_kit.rollouts.deployment import DeploymentError, version_attribute


class RunUnderWay(Protocol):
    """A run, by what Temporal calls it."""

    @property
    def id(self) -> str:
        """The workflow."""
        ...

    @property
    def run_id(self) -> str:
        """Which run of it."""
        ...


def pinned_to(deployment: str, build: str) -> str:
    """Return how Temporal's visibility is asked for the runs that a build has to bring to an end."""
    version = version_attribute(deployment, build).replace("'", "''")
    return (
        f"TemporalWorkerDeploymentVersion = '{version}' AND TemporalWorkflowVersioningBehavior = 'Pinned'"
        " AND ExecutionStatus = 'Running'"
    )


async def pin(client: Client, run: RunUnderWay, deployment: str, build: str) -> bool:
    """Have a run go on with another build, whatever gets new work; False when it has ended meanwhile.

    The next task of it is for that build, which replays what happened so far.

    Raises:
        DeploymentError: Temporal would not.
    """
    version = WorkerDeploymentVersion(deployment_name=deployment, build_id=build)
    behavior = VersioningOverride.PinnedOverrideBehavior.PINNED_OVERRIDE_BEHAVIOR_PINNED
    request = UpdateWorkflowExecutionOptionsRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=run.id, run_id=run.run_id),
        workflow_execution_options=WorkflowExecutionOptions(
            versioning_override=VersioningOverride(
                pinned=VersioningOverride.PinnedOverride(behavior=behavior, version=version)
            )
        ),
        identity=client.identity,
    )
    request.update_mask.paths.append("versioning_override")
    try:
        await client.workflow_service.update_workflow_execution_options(request)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:  # It has ended meanwhile.
            return False
        raise DeploymentError(f"run {run.id!r} cannot be moved: {error.message}") from error
    return True
