"""What an operation promises beside its schemas: what it does, to what, how fast and how often."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self, TypeVar

import nexusrpc
from pydantic import ConfigDict, Field, model_validator

from callboard_contracts.messages import Message

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")

Kind = Literal["query", "task", "agent", "exchange"]
"""How an operation works: `query` answers at once and has no effect, `task` is workflow-backed and may have one,
`agent` is a task that a model drives, `exchange` is one message to a long-lived conversation and its reply."""

Effect = Literal["read", "write", "irreversible"]
"""What an operation changes: nothing, something that another operation can change back, or something for good."""

Idempotency = Annotated[str, Field(pattern=r"^(token|natural|key:[A-Za-z_][A-Za-z0-9_.]*)$")]
"""What makes a second request the same work as the first: `token` is the caller's token id, `natural` means that
repeating is harmless by itself, `key:<field path>` names the input field that carries the key."""

Entities = Annotated[
    str,
    Field(pattern=r"^([a-z][a-z0-9_]*:)?[A-Za-z_][A-Za-z0-9_.]*(, ?([a-z][a-z0-9_]*:)?[A-Za-z_][A-Za-z0-9_.]*)*$"),
]
"""Which fields of the input name what is acted on: a dotted path, or several with commas between. A list is entered
without saying so. The last word of a path is the kind of thing it names, unless another stands before it with a colon:
`account:source_id,account:target_id`."""

DataClass = Annotated[str, Field(pattern=r"^[a-z][a-z-]*$")]
"""What kind of data a sensitive field holds. In use: `name`, `contact`, `location`, `payment`, `words` (free text
in which a person may have written anything)."""


class Example(Message):
    """One request and what it is answered, as JSON objects."""

    input: Mapping[str, object]
    """The request, valid against the operation's input schema."""

    output: Mapping[str, object]
    """The answer, valid against the operation's output schema."""


class Promise(Message):
    """What an operation promises to every caller, beside its schemas."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    kind: Kind
    """How the operation works."""

    effect: Effect
    """What the operation changes, at most."""

    entity: Entities | None = None
    """The dotted path of the input field that names what is acted on, or several with commas between. Operations of
    one team that change the same thing are carried out one after another. Absent: nothing in particular."""

    latency: timedelta = Field(
        validation_alias="latency_seconds", serialization_alias="latency_seconds", gt=timedelta(0)
    )
    """The target: 95 of 100 calls are answered within this time. Seconds."""

    longest: timedelta = Field(
        validation_alias="longest_seconds", serialization_alias="longest_seconds", gt=timedelta(0)
    )
    """The hard limit: no call takes longer, it fails instead. Seconds."""

    idempotency: Idempotency = "token"
    """What makes a second request the same work as the first."""

    remembered: timedelta | None = Field(
        default=None,
        validation_alias="remembered_seconds",
        serialization_alias="remembered_seconds",
        gt=timedelta(0),
    )
    """How long a request that carries an idempotency key is remembered with its result, at least: asked again in that
    time, it is answered the same. Seconds. Absent: a day."""

    sensitive: Mapping[str, DataClass] = {}
    """Fields that hold data of persons or secrets, in the input, the output or both: dotted path to class of data.
    A list is entered without saying so; `*` stands for every key of a map."""

    model_callable: bool = True
    """Whether a language model may be given this operation as a tool."""

    examples: tuple[Example, ...] = ()
    """Requests and their answers, the most usual first."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.latency > self.longest:
            raise ValueError(f"latency {self.latency} is above longest {self.longest}")
        if self.kind == "query" and self.effect != "read":
            raise ValueError(f"a query has no effect, but this one promises {self.effect!r}; make it a task")
        return self


class PromisedOperation(nexusrpc.Operation[InputT, OutputT]):
    """A Nexus operation that knows what it promises. Made by `promise`."""

    promise: Promise

    def __init__(self, promise: Promise) -> None:
        # Nexus checks the name when the service class is complete; __set_name__ has run by then.
        super().__init__(name="")
        self.promise = promise

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name


def promise(
    *,
    kind: Kind,
    effect: Effect,
    latency: timedelta,
    longest: timedelta,
    entity: str | None = None,
    idempotency: Idempotency = "token",
    remembered: timedelta | None = None,
    sensitive: Mapping[str, DataClass] | None = None,
    model_callable: bool = True,
    examples: tuple[Example, ...] = (),
) -> nexusrpc.Operation[InputT, OutputT]:
    """Declare an operation of a service class and what it promises.

        cancel: nexusrpc.Operation[Cancellation, Order] = promise(
            kind="task", effect="irreversible", entity="order_id",
            latency=timedelta(seconds=2), longest=timedelta(minutes=5),
        )

    The types come from the annotation, the name from the attribute. The arguments are the fields of `Promise`.
    """
    return PromisedOperation(
        Promise(
            kind=kind,
            effect=effect,
            latency=latency,
            longest=longest,
            entity=entity,
            idempotency=idempotency,
            remembered=remembered,
            sensitive=sensitive or {},
            model_callable=model_callable,
            examples=examples,
        )
    )


def promise_of(operation: object) -> Promise:
    """What an operation of a contract promises.

    Raises:
        TypeError: The operation was not declared with `promise`.
    """
    if not isinstance(operation, PromisedOperation):
        raise TypeError(f"no promise is known for {operation!r}; declare it as `name: Operation[...] = promise(...)`")
    return operation.promise
