"""A schema as people read it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from callboard_registry.console.schema_tree import MOST_FIELDS, schema_tree


class Card(BaseModel):
    kind: Literal["card"]
    last_four: str = Field(pattern="^[0-9]{4}$", description="What is printed last.")


class Voucher(BaseModel):
    kind: Literal["voucher"]
    balance: float = Field(ge=0)


class Person(BaseModel):
    name: str = Field(min_length=1, max_length=40)
    age: int | None = None
    children: list["Person"] = []
    pays: Annotated[Card | Voucher, Field(discriminator="kind")]
    notes: dict[str, str] = {}
    spare: Card | None = None


def flat(fields, path=""):
    for field in fields:
        yield f"{path}{field.name}", field
        yield from flat(field.fields, f"{path}{field.name}/")


def test_fields_say_their_type_what_is_required_and_what_they_must_keep_to():
    tree = dict(flat(schema_tree(Person.model_json_schema(), anchor="in")))

    name, age = tree["name"], tree["age"]
    assert (name.type, name.required, name.rules) == (
        "string",
        True,
        ("at least 1 character", "at most 40 characters"),
    )
    assert (age.type, age.required) == ("integer | null", False)
    assert "default null" in age.rules
    assert tree["notes/(any key)"].type == "string"
    assert name.anchor == "in.name"


def test_each_variant_of_a_union_is_told_with_what_tells_it_apart():
    tree = dict(flat(schema_tree(Person.model_json_schema(), anchor="in")))

    assert tree["pays/either Card/last_four"].words == "What is printed last."
    assert tree["pays/either Card/kind"].type == '"card"'
    assert tree["pays/or Voucher/balance"].rules == ("≥ 0",)
    assert (tree["spare"].type, tree["spare/kind"].type) == ("Card | null", '"card"'), "null is no choice to open"


def test_a_schema_that_leads_back_to_itself_ends():
    tree = dict(flat(schema_tree(Person.model_json_schema(), anchor="in")))

    assert tree["children"].type == "list of Person"
    assert "as above" in tree["children"].rules
    assert tree["children"].fields == ()


def test_a_schema_with_more_than_anybody_reads_is_cut():
    wide = {"type": "object", "properties": {f"f{number}": {"type": "string"} for number in range(MOST_FIELDS * 2)}}

    assert len(schema_tree(wide, anchor="in")) == MOST_FIELDS


def test_what_is_no_schema_shows_nothing():
    assert schema_tree({"properties": 7, "anyOf": "x", "$ref": "#/nowhere"}, anchor="in") == ()
