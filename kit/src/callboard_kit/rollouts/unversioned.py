"""Workers that do not say which build they are: workflows that declare how they follow builds work there too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkerConfig, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

if TYPE_CHECKING:
    from temporalio.converter import SerializationContext


def followed_anywhere(config: WorkerConfig) -> WorkerConfig:
    """Return the configuration of a worker that may run workflows which declare how they follow builds.

    Temporal refuses every answer of a worker without a version whose workflow declares that, for ever. There such a
    declaration means nothing, so it is left out of the answer.
    """
    deployment = config["deployment_config"] if "deployment_config" in config else None  # noqa: SIM401 - `get` is untyped
    if "workflow_runner" in config and (deployment is None or not deployment.use_worker_versioning):
        runner = config["workflow_runner"]
        if type(runner) is SandboxedWorkflowRunner:
            config["workflow_runner"] = _Sandbox(restrictions=runner.restrictions, runner_class=runner.runner_class)
        else:
            config["workflow_runner"] = _Runner(runner)
    return config


@dataclass(frozen=True)
class _Sandbox(SandboxedWorkflowRunner):
    """Temporal's sandbox: plugins of frameworks that come after find one, and add to what it lets through."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Instance(super().create_instance(det))


class _Runner(WorkflowRunner):
    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner

    def prepare_workflow(self, defn: Any) -> None:  # Any: a class of the SDK that it exports under no name
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Instance(self._runner.create_instance(det))

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class _Instance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = self._instance.activate(act)
        if completion.HasField("successful"):
            completion.successful.versioning_behavior = VersioningBehavior.VERSIONING_BEHAVIOR_UNSPECIFIED
        return completion

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()

    def get_serialization_context(self, command_info: Any) -> "SerializationContext | None":  # Any: as above
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:  # Any: as above
        return self._instance.get_external_store_context(command_info)
