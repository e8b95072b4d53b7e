"""Watches what workflows ask Temporal for, at the one place where everything passes: between the SDK and its core."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.plugin import SimplePlugin
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

from callboard_kit.replaying.reading import as_object

_TAKEN_BACK: Final[Mapping[str, tuple[str, str]]] = {
    "cancelTimer": ("startTimer", "seq"),
    "requestCancelActivity": ("scheduleActivity", "seq"),
    "requestCancelNexusOperation": ("scheduleNexusOperation", "seq"),
    "cancelChildWorkflowExecution": ("startChildWorkflowExecution", "childWorkflowSeq"),
}
"""Commands that take others back: which, and the member that names the one that is meant."""


class Watching(SimplePlugin):
    """Keeps every command of every workflow of a worker or replayer. Put it last: it wraps the runner there is."""

    def __init__(self) -> None:
        self.commands: list[dict[str, object]] = []
        """The commands, in order, as JSON objects with one member: its name says what is asked for."""

        super().__init__(  # pyright: ignore[reportUnknownMemberType] - the SDK leaves the types of activities open
            "callboard-watching", workflow_runner=self._wrapped
        )

    def _wrapped(self, runner: WorkflowRunner | None) -> WorkflowRunner:
        return _WatchingRunner(runner or UnsandboxedWorkflowRunner(), self.commands)


class _WatchingRunner(WorkflowRunner):
    def __init__(self, runner: WorkflowRunner, commands: list[dict[str, object]]) -> None:
        self._runner = runner
        self._commands = commands

    def prepare_workflow(self, defn: Any) -> None:  # Any: a private class of the SDK
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _WatchedInstance(self._runner.create_instance(det), self._commands)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class _WatchedInstance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, commands: list[dict[str, object]]) -> None:
        self._instance = instance
        self._commands = commands

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = self._instance.activate(act)
        self._commands.extend(_that_are_sent([MessageToDict(command) for command in completion.successful.commands]))
        return completion

    def get_serialization_context(self, command_info: Any) -> Any:  # Any: private classes of the SDK
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:  # Any: private classes of the SDK
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _that_are_sent(commands: Sequence[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Leave out what is asked for and taken back at once: the core sends neither, and no history has it."""
    gone = {
        (asked, attributes.get(number))
        for command in commands
        for name, attributes in _parts(command)
        if name in _TAKEN_BACK
        for asked, number in [_TAKEN_BACK[name]]
    }
    for command in commands:
        if not any((name, attributes.get("seq")) in gone for name, attributes in _parts(command)):
            yield command


def _parts(command: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    return ((name, as_object(value)) for name, value in command.items())
