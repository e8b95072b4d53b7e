from datetime import timedelta

import nexusrpc
import pytest
from pydantic import ValidationError

from callboard_contracts import Message, Promise, PromisedOperation, promise, promise_of

SECOND = timedelta(seconds=1)


class Greeting(Message):
    name: str


@nexusrpc.service(name="greeters.v1")
class Greeters:
    greet: nexusrpc.Operation[Greeting, Greeting] = promise(
        kind="task", effect="write", entity="name", latency=SECOND, longest=2 * SECOND
    )
    plain: nexusrpc.Operation[Greeting, Greeting]


def test_a_promised_operation_is_a_nexus_operation_with_name_and_types() -> None:
    assert isinstance(Greeters.greet, PromisedOperation)
    assert (Greeters.greet.name, Greeters.greet.input_type, Greeters.greet.output_type) == ("greet", Greeting, Greeting)
    definition = nexusrpc.get_service_definition(Greeters)
    assert definition is not None
    assert definition.operation_definitions["greet"].input_type is Greeting


def test_the_promise_of_an_operation_is_what_was_declared() -> None:
    assert promise_of(Greeters.greet) == Promise(
        kind="task", effect="write", entity="name", latency=SECOND, longest=2 * SECOND, idempotency="token"
    )


def test_an_operation_without_a_promise_is_refused() -> None:
    with pytest.raises(TypeError, match="no promise is known"):
        promise_of(Greeters.plain)


def test_durations_travel_as_seconds() -> None:
    dumped = promise_of(Greeters.greet).model_dump(mode="json")

    assert (dumped["latency_seconds"], dumped["longest_seconds"]) == (1.0, 2.0)
    assert Promise.model_validate(dumped) == promise_of(Greeters.greet)
    assert Promise.model_validate_json(promise_of(Greeters.greet).model_dump_json()) == promise_of(Greeters.greet)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"latency": 3 * SECOND}, "above longest"),
        ({"latency": timedelta(0)}, "greater than 0"),
        ({"kind": "query"}, "a query has no effect"),
        ({"kind": "chat"}, "Input should be"),
        ({"idempotency": "key:"}, "should match pattern"),
        ({"idempotency": "sometimes"}, "should match pattern"),
        ({"sensitive": {"name": "Top Secret"}}, "should match pattern"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused_when_it_is_made(wrong: dict[str, object], reason: str) -> None:
    right = {"kind": "task", "effect": "write", "latency": SECOND, "longest": 2 * SECOND}

    with pytest.raises(ValidationError, match=reason):
        Promise.model_validate({**right, **wrong})
