import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

import jsonschema_rs
import nexusrpc
import pytest
from pydantic import Field, TypeAdapter

from callboard_contracts import (
    Example,
    Message,
    OperationDescription,
    ServiceDescription,
    describe,
    promise,
    services,
)
from callboard_contracts.digests import observable_schema

SECOND = timedelta(seconds=1)

OPERATIONS = [
    pytest.param(name, operation, id=f"{name} {operation.name}")
    for name in services
    for operation in describe(services[name]).operations
]


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_both_schemas_are_valid_and_complete_in_themselves(service: str, operation: OperationDescription) -> None:
    for schema in (operation.input, operation.output):
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["type"] == "object"
        jsonschema_rs.meta.validate(schema)
        assert all(reference.startswith("#/$defs/") for reference in _references(schema))


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_every_operation_shows_examples_that_its_own_schemas_accept(
    service: str, operation: OperationDescription
) -> None:
    defined = getattr(services[service], operation.name)
    assert operation.promise.examples
    for example in operation.promise.examples:
        jsonschema_rs.validator_for(operation.input).validate(example.input)
        jsonschema_rs.validator_for(operation.output).validate(example.output)
        # What the contract's own types make of it and write again is accepted as well.
        answer = TypeAdapter(defined.output_type).validate_python(example.output)
        jsonschema_rs.validator_for(operation.output).validate(answer.model_dump(mode="json"))
        TypeAdapter(defined.input_type).validate_python(example.input)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_what_a_promise_names_is_in_the_messages(service: str, operation: OperationDescription) -> None:
    made = operation.promise
    inputs, outputs = dict(_paths(operation.input)), dict(_paths(operation.output))

    if made.entity is not None:
        assert inputs[made.entity], f"{made.entity} must be required: it names what is acted on"
    if made.idempotency.startswith("key:"):
        assert inputs[made.idempotency.removeprefix("key:")]
    for path in made.sensitive:
        assert path in inputs or path in outputs


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_everything_published_has_words(service: str, operation: OperationDescription) -> None:
    assert operation.summary.endswith(".")
    assert len(operation.summary) <= 120
    for schema in (operation.input, operation.output):
        assert schema["description"]
        for field in schema.get("properties", {}).values():
            assert field.get("description"), field


@pytest.mark.parametrize("name", services)
def test_a_listing_document_survives_json(name: str) -> None:
    described = describe(services[name])

    document = json.loads(json.dumps(described.model_dump(mode="json")))

    assert ServiceDescription.model_validate(document) == described
    assert document["team"] == document["endpoint"] == name.partition(".")[0]
    assert document["digest"].startswith("sha256:")


def test_no_operation_that_moves_money_is_given_to_a_model() -> None:
    callable_by_model = {o.name: o.promise.model_callable for o in describe(services["billing.v1"]).operations}

    assert callable_by_model == {
        "list_payment_methods": True,
        "charge": False,
        "refund": False,
        "list_refunds": False,
        "reverse": False,
    }


def test_operations_are_published_in_the_order_of_the_contract_with_their_words() -> None:
    described = describe(services["orders.v1"])

    assert [operation.name for operation in described.operations][:2] == ["get_order_details", "cancel_pending_order"]
    assert described.summary == "Knows every order and changes what may be changed about one."
    assert described.operation("cancel_pending_order").summary.startswith("Cancel a pending order for good")
    assert "A gift card has the money at once" in described.operation("cancel_pending_order").description


def test_an_unknown_operation_is_named_with_those_there_are() -> None:
    with pytest.raises(LookupError, match=r"support\.v1 has no operation 'sing'; it has calculate, "):
        describe(services["support.v1"]).operation("sing")


def test_a_class_that_is_no_service_is_refused() -> None:
    with pytest.raises(TypeError, match="not a Nexus service"):
        describe(Message)


def _digest(question: type, answer: type, **changes: object) -> str:
    """The digest of a service with one operation that takes a question and gives an answer."""
    declared = {"kind": "task", "effect": "write", "latency": SECOND, "longest": 2 * SECOND, **changes}
    operation = nexusrpc.Operation[question, answer]
    body = {"__annotations__": {"ask": operation}, "ask": promise(**declared), "__module__": __name__}
    return describe(nexusrpc.service(name="askers.v1")(type("Askers", (), body))).digest


class Question(Message):
    """What is asked."""

    text: str
    """The words."""

    urgency: Literal["low", "high"] = "low"


class Answer(Message):
    text: str
    sources: tuple[Question, ...] = ()


def test_the_digest_does_not_know_words_names_of_classes_nor_examples() -> None:
    class Enquiry(Message):
        """Said in other words."""

        text: Annotated[str, Field(title="Words", description="Other words.", examples=["why"])]

        urgency: Literal["high", "low"] = "low"

    class Reply(Message):
        sources: tuple[Enquiry, ...] = ()
        text: str

    example = Example(input={"text": "why"}, output={"text": "so"})

    assert _digest(Enquiry, Reply, examples=(example,)) == _digest(Question, Answer)


def test_a_field_called_title_is_no_annotation() -> None:
    class WithTitle(Message):
        text: str
        title: str
        urgency: Literal["low", "high"] = "low"

    assert _digest(WithTitle, Answer) != _digest(Question, Answer)


@pytest.mark.parametrize(
    "change",
    [
        {"effect": "irreversible"},
        {"longest": 3 * SECOND},
        {"latency": SECOND / 2},
        {"entity": "text"},
        {"model_callable": False},
        {"sensitive": {"text": "words"}},
        {"idempotency": "natural"},
        {"kind": "agent"},
    ],
)
def test_the_digest_knows_every_promise(change: dict[str, object]) -> None:
    assert _digest(Question, Answer, **change) != _digest(Question, Answer)


def test_the_digest_knows_types_constraints_and_defaults() -> None:
    class Longer(Question):
        text: Annotated[str, Field(max_length=10)]

    class Otherwise(Question):
        urgency: Literal["low", "high"] = "high"

    class Counted(Question):
        text: int

    digests = {_digest(question, Answer) for question in (Question, Longer, Otherwise, Counted)}

    assert len(digests) == 4


class Tree(Message):
    branches: "tuple[Tree, ...]" = ()


class Bush(Message):
    branches: "tuple[Bush, ...]" = ()


def test_a_message_that_holds_itself_has_a_digest_without_its_name() -> None:
    assert _digest(Tree, Answer) == _digest(Bush, Answer)


def test_the_order_of_keys_and_of_operations_does_not_change_the_digest() -> None:
    described = describe(services["orders.v1"])
    document = described.model_dump(mode="json")

    turned = _turned(document) | {"operations": _turned(document["operations"])[::-1]}

    assert list(turned) != list(document)
    assert ServiceDescription.model_validate(turned).observable_digest() == described.digest


def test_a_document_that_was_tampered_with_has_another_digest() -> None:
    described = describe(services["orders.v1"])
    document = described.model_dump(mode="json")
    document["operations"][0]["promise"]["effect"] = "irreversible"
    document["operations"][0]["promise"]["kind"] = "task"

    assert ServiceDescription.model_validate(document).observable_digest() != described.digest


def test_a_schema_that_is_not_complete_in_itself_has_no_digest() -> None:
    with pytest.raises(ValueError, match=r"refers to '#/\$defs/Missing', which it does not define"):
        observable_schema({"$ref": "#/$defs/Missing"})


def test_a_small_schema_that_stands_for_a_huge_one_is_refused() -> None:
    laughs: dict[str, object] = {"a0": {"type": "string"}}
    for n in range(40):
        laughs[f"a{n + 1}"] = {"properties": {side: {"$ref": f"#/$defs/a{n}"} for side in ("left", "right")}}

    with pytest.raises(ValueError, match="more than 20000 parts"):
        observable_schema({"$ref": "#/$defs/a40", "$defs": laughs})


def test_a_schema_that_is_nested_too_deep_is_refused() -> None:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(2000):
        schema = {"items": schema}

    with pytest.raises(ValueError, match="nested too deep"):
        observable_schema(schema)


def _turned(value: Any) -> Any:
    """The same JSON value with the keys of every object in the opposite order."""
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in reversed(value)}
    return [_turned(member) for member in value] if isinstance(value, list) else value


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _paths(schema: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Every dotted path into what the schema describes, and whether it is required all the way."""
    definitions = schema.get("$defs", {})

    def walk(node: dict[str, Any], path: str, required: bool) -> Iterator[tuple[str, bool]]:
        while "$ref" in node:
            node = definitions[node["$ref"].removeprefix("#/$defs/")]
        for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())):
            yield from walk(branch, path, False)
        if isinstance(node.get("items"), dict):
            yield from walk(node["items"], path, required)
        if isinstance(node.get("additionalProperties"), dict):
            yield from walk(node["additionalProperties"], f"{path}.*", False)
        for name, member in node.get("properties", {}).items():
            inner = f"{path}.{name}".lstrip(".")
            needed = required and name in node.get("required", ())
            yield inner, needed
            yield from walk(member, inner, needed)

    return walk(schema, "", True)
