"""Whatever would not export is named, with its place and what to do."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from test_export import service_of

from callboard.interchange.dialect import problems
from callboard.interchange.lint import lint, lint_file
from callboard.interchange.nexusrpc_file import contract_file
from callboard.interchange.text import DocumentError, as_json, as_yaml
from callboard_contracts import describe, services

Tree = list["Tree"] | None


class Point(BaseModel):
    x: int


class Circle(BaseModel):
    x: int
    radius: int


UNSAYABLE = {
    "anything": (Any, "/properties/field", "it says no type"),
    "a list of anything": (list[Any], "/properties/field/items", "it says no type"),
    "a tuple": (tuple[int, str], "/properties/field/prefixItems", "'prefixItems' has no equal"),
    "objects that nothing tells apart": (Point | Circle, "/properties/field/anyOf", "'anyOf' has no equal"),
    "texts that overlap": (
        Annotated[str, Field(max_length=3)] | Annotated[str, Field(min_length=2)],
        "/properties/field/anyOf",
        "'anyOf' has no equal",
    ),
    "a part of a step": (Annotated[float, Field(multiple_of=0.5)], "/properties/field/multipleOf", "0.5 is no whole"),
    "lookahead": (
        Annotated[str, Field(json_schema_extra={"pattern": "^(?!-)[a-z-]+$"})],
        "/properties/field/pattern",
        "is not read alike everywhere: lookahead",
    ),
    "bytes": (bytes, "/properties/field/format", "not every language checks 'binary'"),
    "a number too large": (Literal[9007199254740993], "/properties/field/const", "too large for JavaScript"),
    "a map by pattern": (
        dict[Annotated[str, Field(pattern="^a")], int],
        "/properties/field/patternProperties",
        "'patternProperties' has no equal",
    ),
    "always nothing": (None, "/properties/field/type", "it is always null"),
}


@pytest.mark.parametrize(("type_", "place", "problem"), UNSAYABLE.values(), ids=UNSAYABLE)
def test_what_has_no_equal_is_named(type_: Any, place: str, problem: str) -> None:
    class Holder(BaseModel):
        field: type_

    findings = lint(service_of(Holder))

    assert [finding.place for finding in findings] == [f"/$defs/Holder{place}"]
    assert problem in findings[0].problem
    assert findings[0].remedy


SCHEMAS = {
    "not": ({"type": "string", "not": {"const": "a"}}, "/not"),
    "a condition": ({"type": "string", "if": {"minLength": 2}}, "/if"),
    "two bounds of one side": ({"type": "integer", "minimum": 1, "exclusiveMinimum": 2}, None),
    "a word of another type": ({"type": "string", "minimum": 3}, None),
    "a list of what": ({"type": "array"}, "/items"),
    "an unknown format": ({"type": "string", "format": "phone"}, "/format"),
    "an unknown encoding": ({"type": "string", "contentEncoding": "quoted-printable"}, "/contentEncoding"),
    "values that are objects": ({"enum": [{"a": 1}]}, "/enum"),
    "a reference to nothing": ({"$ref": "#/$defs/Nothing"}, "/$ref"),
    "required but not described": ({"type": "object", "properties": {}, "required": ["a"]}, "/required"),
    "a union with something beside it": (
        {"oneOf": [{"type": "string"}, {"type": "integer"}], "minLength": 2},
        "/minLength",
    ),
    "a bound between numbers": ({"type": "integer", "minimum": 0.5}, "/minimum"),
    "nothing fits": (False, "/not"),
}


@pytest.mark.parametrize(("schema", "place"), SCHEMAS.values(), ids=SCHEMAS)
def test_what_no_model_of_ours_says_is_named_too(schema: object, place: str | None) -> None:
    whole = {"type": "object", "title": "Holder", "properties": {"field": schema}}

    places = {finding.place for finding in lint(service_of(whole))}

    if place is None:
        assert places == set()
    else:
        assert f"/$defs/Holder/properties/field{place}" in places


def test_what_an_operation_takes_is_an_object() -> None:
    findings = lint(service_of({"type": "string"}))

    assert {(finding.place, finding.problem) for finding in findings} == {
        ("/services/DoersV1/operations/doIt/input", "it is no object"),
        ("/services/DoersV1/operations/doIt/output", "it is no object"),
        ("/$defs/DoItInput", "only objects and unions have names"),
        ("/$defs/DoItOutput", "only objects and unions have names"),
    }


def test_a_union_is_no_input() -> None:
    findings = lint(service_of({"oneOf": [{"type": "string"}, {"type": "object"}]}))

    assert "/services/DoersV1/operations/doIt/input" in {finding.place for finding in findings}


def test_a_list_that_holds_itself_has_no_name_elsewhere() -> None:
    schema = {
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/Tree"}},
        "$defs": {"Tree": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
    }

    assert [finding.problem for finding in lint(service_of(schema))] == ["only objects and unions have names"]


def test_operations_that_would_get_one_name_are_named() -> None:
    ours = service_of({"type": "null"})
    [operation] = ours.operations
    twice = ours.model_copy(update={"operations": (operation, operation.model_copy(update={"name": "DoIt"}))})

    [finding] = contract_file(twice).findings

    assert finding.place == "/services/DoersV1/operations/doIt"
    assert "'DoIt' gets the same key" in finding.problem


@pytest.mark.parametrize("name", ["x", "1st", "ü"])
def test_a_name_without_a_key_is_named(name: str) -> None:
    ours = service_of({"type": "null"})
    [operation] = ours.operations
    renamed = ours.model_copy(update={"operations": (operation.model_copy(update={"name": name}),)})

    assert ["is no key of an operation" in finding.problem for finding in lint(renamed)] == [True]


FILES = {
    "another version": ({"nexusrpc": "2.0.0"}, "/nexusrpc"),
    "another dialect": ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema"),
    "a type at the top": ({"properties": {}}, "/properties"),
    "no services": ({"services": {}}, "/services"),
    "a service without operations": ({"services": {"Chat": {"operations": {}}}}, "/services/Chat"),
    "a key of a service": ({"services": {"chat": {"operations": {"goOn": {}}}}}, "/services/chat"),
    "a key of an operation": ({"services": {"Chat": {"operations": {"go_on": {}}}}}, "/services/Chat/operations/go_on"),
    "a word that is not known": (
        {"services": {"Chat": {"endpoint": "chat", "operations": {"goOn": {}}}}},
        "/services/Chat/endpoint",
    ),
    "a word that an operation does not know": (
        {"services": {"Chat": {"operations": {"goOn": {"timeout": 3}}}}},
        "/services/Chat/operations/goOn/timeout",
    ),
    "a wire name that is no text": (
        {"services": {"Chat": {"operations": {"goOn": {"fqn": 3}}}}},
        "/services/Chat/operations/goOn/fqn",
    ),
    "a definition that is no type": ({"$defs": {"A": {"type": "string"}}}, "/$defs/A"),
    "a definition that is no schema": ({"$defs": {"A": True}}, "/$defs/A"),
    "words beside a reference": (
        {"$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A", "description": "x"}}}}},
        "/$defs/A/properties/a/description",
    ),
    "several types": (
        {"$defs": {"A": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}}},
        "/$defs/A/properties/a/type",
    ),
    "a default that never counts": (
        {"$defs": {"A": {"type": "object", "properties": {"a": {"type": "string", "default": ""}}, "required": ["a"]}}},
        "/$defs/A/properties/a/default",
    ),
    "a default that is a list": (
        {"$defs": {"A": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"},
                                                                "default": []}}}}},
        "/$defs/A/properties/a/default",
    ),
    "a discriminator": (
        {"$defs": {"A": {"type": "object", "properties": {}, "discriminator": {"propertyName": "kind"}}}},
        "/$defs/A/discriminator",
    ),
    "null with something beside it": (
        {"$defs": {"A": {"type": "object", "properties": {
            "a": {"oneOf": [{"type": "string"}, {"type": "null", "description": "none"}]}}}}},
        "/$defs/A/properties/a/oneOf/1",
    ),
    "an object without a shape": ({"$defs": {"A": {"type": "object"}}}, "/$defs/A"),
    "a const beside an enum": (
        {"$defs": {"A": {"type": "object", "properties": {"a": {"type": "string", "const": "a", "enum": ["a"]}}}}},
        "/$defs/A/properties/a/const",
    ),
    "a value of another type": (
        {"$defs": {"A": {"type": "object", "properties": {"a": {"type": "string", "enum": [1]}}}}},
        "/$defs/A/properties/a/enum",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("part", "place"), FILES.values(), ids=FILES)
def test_what_is_not_in_the_format_is_named_in_a_file(part: dict[str, object], place: str, tmp_path: Path) -> None:
    document = {"nexusrpc": "1.0.0", "services": {"Chat": {"operations": {"goOn": {}}}}, **part}
    file = tmp_path / "chat.json"
    file.write_text(as_json(document))

    assert [finding.place for finding in lint_file(file)] == [place]
    assert [finding.place for finding in problems(document)] == [place]


def test_the_files_that_a_contract_needs_are_looked_at_as_well(tmp_path: Path) -> None:
    operations = {"goOn": {"input": {"$ref": "types/step.yaml"}}}
    (tmp_path / "chat.json").write_text(
        as_json({"nexusrpc": "1.0.0", "services": {"Chat": {"operations": operations}}})
    )
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "step.yaml").write_text(
        as_yaml({"type": "object", "properties": {"far": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}})
    )

    [finding] = lint_file(tmp_path / "chat.json")

    assert finding.place == "types/step.yaml/properties/far/anyOf"


def test_a_listing_document_is_looked_at_as_what_it_describes(tmp_path: Path) -> None:
    class Holder(BaseModel):
        field: bytes

    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(describe(services["orders.v1"]).model_dump_json())
    bad.write_text(service_of(Holder).model_dump_json())

    assert lint_file(good) == ()
    assert [finding.place for finding in lint_file(bad)] == ["/$defs/Holder/properties/field/format"]


@pytest.mark.parametrize("document", [{"a": 1}, {"operations": [], "digest": "x"}])
def test_another_document_is_refused(document: object, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(as_json(document))

    with pytest.raises(DocumentError, match=r"is no (contract file|listing document)"):
        lint_file(file)
