"""What a contract of ours says, a contract file says too."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from coming_back import come_back, require_proof, require_same_verdicts, validator
from pydantic import BaseModel, Field, TypeAdapter

from callboard.interchange.lint import lint
from callboard.interchange.lowering import lowered
from callboard.interchange.nexusrpc_file import contract_file
from callboard.interchange.text import as_yaml, parse
from callboard_contracts import OperationDescription, Promise, ServiceDescription, describe, services

EXAMPLES = [
    pytest.param(service, operation.name, id=f"{service}-{operation.name}")
    for service in services
    for operation in describe(services[service]).operations
]


def service_of(input_: type | Mapping[str, Any], output: type | Mapping[str, Any] | None = None) -> ServiceDescription:
    """A service of one operation, `do_it`, with these types."""
    schemas = [
        dict(each) if isinstance(each, Mapping) else TypeAdapter[Any](each).json_schema(mode=mode)
        for each, mode in ((input_, "validation"), (output or input_, "serialization"))
    ]
    promise = Promise(kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=2))
    operation = OperationDescription(
        name="do_it", summary="Do it.", description="", input=schemas[0], output=schemas[1], promise=promise
    )
    return ServiceDescription(
        service="doers.v1", endpoint="doers", team="doers", summary="Does.", description="", operations=(operation,),
        digest="",
    )  # fmt: skip


@pytest.mark.parametrize("name", services)
def test_our_services_export_without_a_finding(name: str) -> None:
    assert lint(describe(services[name])) == ()


@pytest.mark.parametrize("name", services)
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_our_services_come_back_in_all_their_words(name: str, form: str, tmp_path: Path) -> None:
    ours = describe(services[name])

    back = come_back(ours, tmp_path, form=form)

    told = ("service", "endpoint", "team", "summary", "description")
    assert [getattr(back, word) for word in told] == [getattr(ours, word) for word in told]
    for mine, theirs in zip(back.operations, ours.operations, strict=True):
        words = ("name", "summary", "description", "promise")
        assert [getattr(mine, word) for word in words] == [getattr(theirs, word) for word in words]


@pytest.mark.parametrize(("service", "name"), EXAMPLES)
def test_an_operation_means_the_same_when_it_comes_back(service: str, name: str, tmp_path: Path) -> None:
    described = describe(services[service])
    ours, back = described.operation(name), come_back(described, tmp_path).operation(name)

    for side in ("input", "output"):
        require_proof(getattr(ours, side), getattr(back, side))
        fit, misfit = require_same_verdicts(validator(getattr(ours, side)), getattr(back, side), count=150)
        assert fit > 5
        assert misfit > 0 or not getattr(ours, side)["properties"]
        for example in ours.promise.examples:
            assert validator(getattr(back, side)).is_valid(dict(getattr(example, side)))


def test_every_name_on_the_wire_is_written_out() -> None:
    document: Any = contract_file(describe(services["orders.v1"])).document

    assert list(document["services"]) == ["OrdersV1"]
    assert document["services"]["OrdersV1"]["fqn"] == "orders.v1"
    operations = document["services"]["OrdersV1"]["operations"]
    assert {key: each["fqn"] for key, each in operations.items()}["cancelPendingOrder"] == "cancel_pending_order"
    assert len(operations) == len(describe(services["orders.v1"]).operations)


def test_types_that_several_operations_share_are_one() -> None:
    document: Any = contract_file(describe(services["orders.v1"])).document

    uses = [
        side["$ref"]
        for operation in document["services"]["OrdersV1"]["operations"].values()
        for side in (operation["input"], operation["output"])
    ]
    assert uses.count("#/$defs/Order") > 3
    assert sorted(name for name in document["$defs"] if "Order" in name) == ["Order", "OrderId"]


def test_types_of_one_name_that_differ_stay_apart() -> None:
    class Note(BaseModel):
        text: str

    def other() -> type:
        class Note(BaseModel):
            text: str
            at: int

        return Note

    document: Any = contract_file(service_of(Note, other())).document

    operation = document["services"]["DoersV1"]["operations"]["doIt"]
    assert (operation["input"], operation["output"]) == (
        {"$ref": "#/$defs/Note"},
        {"$ref": "#/$defs/DoItOutputNote"},
    )
    assert document["$defs"]["DoItOutputNote"]["required"] == ["text", "at"]


def test_a_type_may_hold_itself(tmp_path: Path) -> None:
    class Branch(BaseModel):
        name: str
        branches: tuple["Branch", ...] = ()

    ours = service_of(Branch)
    document: Any = contract_file(ours).document
    back = come_back(ours, tmp_path).operation("do_it")

    assert list(document["$defs"]) == ["Branch"]
    require_proof(ours.operation("do_it").input, back.input)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str | None = None


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

ALIKE = {
    "nullable": str | None,
    "nullable with bounds": Annotated[str, Field(min_length=2)] | None,
    "nullable object": Cat | None,
    "an enum": Colour,
    "an enum of numbers": Size | None,
    "literals of several types": Literal["a", 2, True, None],
    "one literal": Literal["a"],
    "a nullable literal": Literal["a", "b"] | None,
    "scalars": int | str | None,
    "numbers": float | int,
    "a list or one": list[str] | str,
    "a tagged union": Pet,
    "a nullable tagged union": Pet | None,
    "a tagged union or a word": Pet | str,
    "a list of tagged unions": list[Pet],
    "a map": dict[str, Cat],
    "a map of anything": dict[str, Any],
    "a map by literals": dict[Literal["a", "b"], int],
    "a map by enum": dict[Colour, int],
    "a map by pattern": Annotated[dict[str, int], Field(json_schema_extra={"propertyNames": {"pattern": "^[a-z]+$"}})],
    "a set": set[str],
    "a pair of the same": tuple[int, int],
    "bounds": Annotated[int, Field(ge=0, lt=10, multiple_of=2)],
    "bounds twice": Annotated[float, Field(ge=1, gt=1)],
    "bounds twice, the other way": Annotated[float, Field(ge=2, gt=1)],
    "a pattern": Annotated[str, Field(pattern="^[A-Z]{2,4}$")],
    "no least length": Annotated[str, Field(min_length=0)],
    "instants": datetime,
    "dates": date | None,
    "times": time,
    "durations": timedelta,
    "ids": UUID,
    "lists of lists": list[list[int | None]],
    "a list with a length": Annotated[list[int], Field(min_length=1, max_length=3)],
}


@pytest.mark.parametrize("type_", ALIKE.values(), ids=ALIKE)
def test_what_pydantic_says_is_said_in_the_format_and_means_the_same(type_: Any, tmp_path: Path) -> None:
    class Holder(BaseModel):
        required: type_
        optional: type_ | None = None

    ours = service_of(Holder)

    back = come_back(ours, tmp_path)

    for side in ("input", "output"):
        first, second = (getattr(each.operation("do_it"), side) for each in (ours, back))
        require_proof(first, second)
        require_same_verdicts(validator(first), second, count=100)


INT, TEXT, NULL = {"type": "integer"}, {"type": "string"}, {"type": "null"}
NODE = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, NULL]}, "n": INT}}

RAW = {
    "a pair that ends": {"type": "array", "prefixItems": [INT, INT], "items": False},
    "a pair of which one is sent": {"type": "array", "prefixItems": [INT, INT], "maxItems": 1},
    "a map of named members only": {
        "type": "object",
        "patternProperties": {"^[a-z]+$": INT},
        "additionalProperties": False,
    },
    "several types": {"type": ["string", "integer", "null"], "minLength": 2, "minimum": 3},
    "values of several types": {"type": ["string", "number"], "enum": ["a", 1, 2.5, None]},
    "a type beside a union": {"type": "string", "anyOf": [{"type": "string", "enum": ["a"]}, {"const": "b"}]},
    "unions in unions": {"anyOf": [{"anyOf": [TEXT, INT]}, {"oneOf": [NULL, {"type": "boolean"}]}]},
    "the same twice": {"anyOf": [TEXT, {"type": "string", "description": "again"}]},
    "one of a set twice": {"anyOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]},
    "a union of one": {"anyOf": [{"type": "string", "maxLength": 2}], "description": "Short."},
    "all of one": {"allOf": [{"$ref": "#/$defs/Node"}], "description": "The first."},
    "all of two": {"allOf": [{"$ref": "#/$defs/Node"}, {"type": "object", "properties": {"m": TEXT}}]},
    "a reference with more": {"$ref": "#/$defs/Word", "maxLength": 3},
    "a reference that is bound again": {"$ref": "#/$defs/Word", "minLength": 2},
    "a reference to an object with more": {"$ref": "#/$defs/Node", "minProperties": 1},
    "a reference to a scalar": {"$ref": "#/$defs/Word", "default": "a"},
    "a list by reference": {"$ref": "#/$defs/Words"},
    "a nullable by reference": {"anyOf": [{"$ref": "#/$defs/Maybe"}, {"$ref": "#/$defs/Node"}]},
    "a chain": {"$ref": "#/$defs/Node"},
    "repeats allowed": {"type": "array", "items": TEXT, "uniqueItems": False},
    "some of them": {"type": "array", "items": TEXT, "contains": {"const": "a"}, "minContains": 1},
    "anything beside": {"type": "object", "properties": {"a": INT}, "additionalProperties": {}},
    "an object of anything": {"type": "object"},
    "what goes together": {"type": "object", "properties": {"a": INT, "b": INT}, "dependentRequired": {"a": ["b"]}},
    "words of another type": {"type": "string", "minimum": 3, "items": INT},
    "a whole number as a fraction": {"type": "integer", "minimum": 2.0, "multipleOf": 2.0},
    "what only explains": {"type": "string", "readOnly": True, "contentMediaType": "text/plain", "x-note": 1},
}  # fmt: skip


@pytest.mark.parametrize("schema", RAW.values(), ids=RAW)
def test_what_other_tools_say_means_the_same_in_the_format(schema: dict[str, Any], tmp_path: Path) -> None:
    whole = {
        "type": "object",
        "title": "Holder",
        "properties": {"field": schema},
        "required": ["field"],
        "$defs": {
            "Node": NODE,
            "Word": {"type": "string", "minLength": 1},
            "Words": {"type": "array", "items": {"$ref": "#/$defs/Word"}},
            "Maybe": {"oneOf": [TEXT, NULL]},
        },
    }

    back = come_back(service_of(whole), tmp_path).operation("do_it").input

    require_same_verdicts(validator(whole), back, count=100)
    if "contains" not in schema:
        require_proof(whole, back)


def test_a_default_of_what_is_always_there_is_left_out() -> None:
    whole = {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}, "required": ["a"]}

    assert lowered(whole)["properties"] == {"a": {"type": "integer"}}


def test_a_tag_with_a_default_is_required_where_it_tells_objects_apart(tmp_path: Path) -> None:
    class Cat(BaseModel):
        kind: Literal["cat"] = "cat"

    class Dog(BaseModel):
        kind: Literal["dog"] = "dog"

    class Home(BaseModel):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]
        best_cat: Cat

    ours = service_of(Home)
    back = validator(come_back(ours, tmp_path).operation("do_it").input)

    for pet in ({"kind": "cat"}, {"kind": "dog"}, {"kind": "cow"}, {}):
        home = {"pet": pet, "best_cat": {}}
        # Pydantic's own schema is laxer here than pydantic.
        assert back.is_valid(home) is _fits(Home, home)


def _fits(model: type[BaseModel], document: object) -> bool:
    try:
        model.model_validate(document)
    except ValueError:
        return False
    return True


def test_defaults_that_other_languages_cannot_say_are_left_out_and_others_stay() -> None:
    class Order(BaseModel):
        count: int = 1
        note: str | None = None
        tags: list[str] = []
        options: dict[str, str] = {}

    document: Any = contract_file(service_of(Order)).document

    members = document["$defs"]["Order"]["properties"]
    assert {name: member.get("default", "none") for name, member in members.items()} == {
        "count": 1,
        "note": "none",
        "tags": "none",
        "options": "none",
    }


def test_an_operation_that_takes_and_answers_nothing_comes_back(tmp_path: Path) -> None:
    ours = service_of({"type": "null"})

    document: Any = contract_file(ours).document
    back = come_back(ours, tmp_path).operation("do_it")

    assert document["services"]["DoersV1"]["operations"]["doIt"] == {"fqn": "do_it", "description": "Do it."}
    assert "$defs" not in document
    assert (back.input["type"], back.output["type"]) == ("null", "null")
    assert back.promise == ours.operation("do_it").promise


def test_fields_that_generated_code_cannot_have_are_called_otherwise_there(tmp_path: Path) -> None:
    whole = {
        "type": "object",
        "title": "Basket",
        "properties": {
            name: {"type": "string"} for name in ("items", "from", "class", "validate", "to_string", "user_id", "key")
        },
    }
    ours = service_of(whole)

    document: Any = contract_file(ours).document
    members = document["$defs"]["Basket"]["properties"]

    assert {name: dict(list(member.items())[1:]) for name, member in members.items()} == {
        "items": {"x-java-name": "theItems"},
        "from": {"x-py-name": "from_"},
        "class": {"x-ts-name": "theClass", "x-py-name": "class_", "x-java-name": "theClass"},
        "validate": {"x-go-name": "TheValidate"},
        "to_string": {"x-ts-name": "theToString"},
        "user_id": {},
        "key": {},
    }
    require_proof(whole, come_back(ours, tmp_path).operation("do_it").input)


def test_words_lose_what_no_comment_can_hold() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": " one\x00\x1btwo\nthree "}}}

    assert lowered(schema)["properties"] == {"a": {"type": "string", "description": "one  two\nthree"}}


def test_lowering_twice_changes_nothing() -> None:
    for contract in services.values():
        for operation in describe(contract).operations:
            once = lowered(operation.input)
            assert lowered(once) == once


@pytest.mark.parametrize("name", services)
def test_the_text_says_what_the_document_says(name: str) -> None:
    document = contract_file(describe(services[name])).document

    assert parse(as_yaml(document), source="the text") == document
