"""What an agent can call: operations of other teams, activities of its own, pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, Protocol, Self

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from callboard_contracts import Effect, MeshError, OperationDescription, ServiceDescription
from callboard_kit.agent.messages import ToolSpec
from callboard_kit.agent.names import operation_tool_name
from callboard_kit.agent.signatures import signature_of
from callboard_kit.messages import KitMessage
from callboard_kit.trials.dry import reading

NOTHING_SENSITIVE: Final[Mapping[str, str]] = MappingProxyType({})


class Tool(Protocol):
    """Anything a model can be given to call from a workflow."""

    @property
    def spec(self) -> ToolSpec:
        """What the model is told about it."""
        ...

    @property
    def service(self) -> str:
        """Whose it is, for the record: a service, or `local`."""
        ...

    @property
    def operation(self) -> str:
        """What it is called in the record."""
        ...

    @property
    def effect(self) -> Effect:
        """What it changes, at most."""
        ...

    @property
    def sensitive(self) -> Mapping[str, str] | None:
        """Which of its arguments hold what kind of sensitive data; None when nobody knows."""
        ...

    async def call(self, arguments: dict[str, object]) -> object:
        """Do it, with arguments that fit the schema, and return something that can be written as JSON.

        Raises:
            RefusedError: It is wrong as asked.
            UnavailableError: It may work later.
            FailureError: Whatever Temporal says about a call that failed.
        """
        ...


class OperationTool(KitMessage):
    """An operation of another team. It is a message, so that a catalog can be read in an activity and sent on."""

    service: str
    """The wire name of the service."""

    operation: str
    """The operation."""

    endpoint: str
    """The Nexus endpoint that serves it."""

    description: str
    """What the model is told about it."""

    parameters: Mapping[str, object]
    """JSON Schema of its input."""

    longest: timedelta
    """How long a call may take, as the operation promises."""

    sensitive: Mapping[str, str] | None = None
    """Which fields of its input hold what kind of sensitive data. Absent: nobody knows, so it is shown nowhere."""

    effect: Effect = "irreversible"
    """What it changes, at most. Absent: nobody knows, so the worst is assumed."""

    @classmethod
    def of(cls, service: ServiceDescription, operation: OperationDescription) -> Self:
        """Make a tool of one operation of a listing document."""
        return cls.described(service.service, service.endpoint, operation)

    @classmethod
    def described(cls, service: str, endpoint: str, operation: OperationDescription) -> Self:
        """Make a tool of an operation that stands alone."""
        words = f"{operation.summary}\n\n{operation.description}".strip()
        return cls(
            service=service,
            operation=operation.name,
            endpoint=endpoint,
            description=words,
            parameters={key: value for key, value in operation.input.items() if key != "$schema"},
            longest=operation.promise.longest,
            effect=operation.promise.effect,
            sensitive=operation.promise.sensitive,
        )

    @classmethod
    def all_of(cls, listing: ServiceDescription | Mapping[str, object]) -> tuple[Self, ...]:
        """Make tools of all operations of a listing document that a model may call."""
        service = listing if isinstance(listing, ServiceDescription) else ServiceDescription.model_validate(listing)
        return tuple(cls.of(service, operation) for operation in service.operations if operation.promise.model_callable)

    @property
    def spec(self) -> ToolSpec:
        """What the model is told: the name is the service with `_` for `.`, `__`, and the operation."""
        name = operation_tool_name(self.service, self.operation)
        return ToolSpec(name=name, description=self.description, parameters=self.parameters)

    async def call(self, arguments: dict[str, object]) -> object:
        """Call the operation over Nexus. What the promise allows is the time limit."""
        client = workflow.create_nexus_client(endpoint=self.endpoint, service=self.service)
        result: object = await client.execute_operation(
            self.operation, arguments, schedule_to_close_timeout=self.longest
        )
        return result


@dataclass(frozen=True, kw_only=True)
class ActivityTool:
    """An activity of the agent's own team, whose only argument is a message."""

    name: str
    """How the model calls it."""

    description: str
    """What the model is told about it."""

    # An activity may take and return anything; its own signature guards it, not this field.
    activity: Callable[..., Any] | str
    """The activity, or its registered name."""

    input_type: type[BaseModel]
    """The message it takes; its schema is what the model is given."""

    effect: Effect = "irreversible"
    """What it changes, at most; what only reads needs fewer approvals."""

    sensitive: Mapping[str, str] | None = None
    """Which of its arguments hold what kind of sensitive data: dotted path to class of data, `{}` for none of them.
    Absent: nobody knows, so whoever approves a call sees no values."""

    timeout: timedelta = timedelta(seconds=30)
    """How long one attempt may take."""

    retry_policy: RetryPolicy = field(default_factory=lambda: RetryPolicy(maximum_attempts=3))
    """How often it is tried before the model hears that it failed."""

    @property
    def spec(self) -> ToolSpec:
        """What the model is told."""
        return ToolSpec(
            name=self.name,
            description=self.description,
            parameters=self.input_type.model_json_schema(mode="validation"),
        )

    @property
    def service(self) -> str:
        """The record says `local`: it is no operation."""
        return "local"

    @property
    def operation(self) -> str:
        """The record says the tool's name."""
        return self.name

    async def call(self, arguments: dict[str, object]) -> object:
        """Run the activity."""
        with reading(only=self.effect == "read"):
            result: object = await workflow.execute_activity(
                self.activity,
                self.input_type.model_validate(arguments),
                start_to_close_timeout=self.timeout,
                retry_policy=self.retry_policy,
            )
        return result


@dataclass(frozen=True)
class FunctionTool:
    """A function of the team's own, as a tool. It runs in the workflow: pure, quick, and without a look at anything."""

    name: str
    """How the model calls it."""

    description: str
    """What the model is told about it."""

    # A function may take any message and return anything that can be written as JSON.
    function: Callable[[Any], object]
    """The function."""

    input_type: type[BaseModel]
    """The message it takes; its schema is what the model is given."""

    sensitive: Mapping[str, str] | None = field(default_factory=dict[str, str])
    """Which of its arguments hold what kind of sensitive data."""

    @classmethod
    def of(cls, function: Callable[..., object], *, sensitive: Mapping[str, str] | None = NOTHING_SENSITIVE) -> Self:
        """Make a tool of a function with typed parameters: its name, its docstring and its signature say the rest.

            FunctionTool.of(days_between)     # def days_between(first: date, last: date) -> int

        Raises:
            TypeError: The function cannot be a tool as it is; the message says what to change.
        """
        made = signature_of(function)
        return cls(
            name=made.name,
            description=made.description,
            function=made.function,
            input_type=made.input_type,
            sensitive=sensitive,
        )

    @property
    def spec(self) -> ToolSpec:
        """What the model is told."""
        schema = self.input_type.model_json_schema(mode="validation")
        return ToolSpec(name=self.name, description=self.description, parameters=schema)

    @property
    def service(self) -> str:
        """The record says `local`: it is no operation."""
        return "local"

    @property
    def operation(self) -> str:
        """The record says the tool's name."""
        return self.name

    @property
    def effect(self) -> Effect:
        """It changes nothing: it is pure."""
        return "read"

    async def call(self, arguments: dict[str, object]) -> object:
        """Run the function.

        Raises:
            MeshError: The function failed. The model hears what it said, as after any call that fails.
        """
        try:
            return self.function(self.input_type.model_validate(arguments))
        except (MeshError, FailureError):
            raise
        except Exception as error:  # Whatever a function raises must end its call, not everybody's run.
            raise MeshError(f"{self.name} failed: {error}") from error
