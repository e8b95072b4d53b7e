"""What a team may send as a document: everything else is refused, and says where."""

import json

import pytest

from callboard_registry.documents import listing_document, policy_document
from callboard_registry.refusals import Refusal


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        listing_document(data, team="shop")
    return refused.value


@pytest.fixture
def change(document):
    """The shop's document with a change made to it."""

    def changed(edit) -> bytes:
        parsed = json.loads(document())
        edit(parsed)
        return json.dumps(parsed).encode()

    return changed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"[]",
        b'"shop.v1"',
        b"null",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": 123456789012345678901234567890}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b"[" * 200_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_sound_json_object_is_refused(data):
    refusal = refusal_of(data)

    assert (refusal.kind, refusal.field) == ("invalid", "document")


def test_an_oversized_document_is_refused():
    assert "at most 1048576" in refusal_of(b" " * 1024 * 1024 + b"{}").message


def test_a_missing_member_is_named(change):
    refusal = refusal_of(change(lambda it: it["operations"][0].pop("input")))

    assert (refusal.field, refusal.message) == ("document.operations[0].input", "field required")


def test_a_value_of_the_wrong_kind_is_named(change):
    refusal = refusal_of(change(lambda it: it["operations"][0]["promise"].update(effect="destroy")))

    assert refusal.field == "document.operations[0].promise.effect"


def test_a_digest_that_does_not_fit_the_operations_is_refused(change):
    refusal = refusal_of(change(lambda it: it["operations"][0]["promise"].update(effect="irreversible")))

    assert refusal.field == "document.digest"


@pytest.mark.parametrize("name", ["shop", "Shop.v1", "shop.v0", "shop.v01", "shop.1", "../shop.v1", "shop.v1\n", ""])
def test_a_service_name_that_is_none_is_refused(change, name):
    refusal = refusal_of(change(lambda it: it.update(service=name)))

    assert (refusal.kind, refusal.field) == ("invalid", "document.service")


def test_the_service_of_another_team_is_refused(change):
    refusal = refusal_of(change(lambda it: it.update(service="bank.v1", team="bank", endpoint="bank")))

    assert (refusal.kind, refusal.field) == ("denied", "document.service")


@pytest.mark.parametrize("member", ["team", "endpoint"])
def test_a_listing_cannot_lead_to_another_team(change, member):
    assert refusal_of(change(lambda it: it.update({member: "bank"}))).field == f"document.{member}"


def test_an_operation_twice_is_refused(change):
    refusal = refusal_of(change(lambda it: it["operations"].append(it["operations"][0])))

    assert refusal.field == "document.operations[1].name"


@pytest.mark.parametrize("name", ["", "a b", "<b>", "x" * 200, "é"])
def test_an_operation_name_that_is_none_is_refused(change, name):
    assert refusal_of(change(lambda it: it["operations"][0].update(name=name))).field == "document.operations[0].name"


def test_a_service_without_operations_is_refused(change):
    assert refusal_of(change(lambda it: it.update(operations=[]))).field == "document.operations"


DOUBLING = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": True}
ALL_TO_ALL = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{m}"} for m in range(12)]} for n in range(12)}
CHAIN = {f"d{n}": {"items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(3000)} | {"d3000": True}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"required": "text"},
        {"$ref": "https://elsewhere.example/schema.json"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "#/properties/x", "properties": {"x": True}},
        {"$dynamicRef": "#x"},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"$schema": "https://elsewhere.example/dialect"},
        {"unknown": {"properties": 5}},
        {"unknown": {"enum": 5}},
        {"$id": "https://elsewhere.example/", "$ref": "#/$defs/x", "$defs": {"x": {}}},
        {"$ref": "#/$defs/d0", "$defs": DOUBLING},
        {"$ref": "#/$defs/d0", "$defs": ALL_TO_ALL},
        {"$ref": "#/$defs/d0", "$defs": CHAIN},
    ],
    ids=lambda schema: json.dumps(schema)[:40],
)
def test_a_schema_that_cannot_be_digested_is_refused_quickly(change, schema):
    refusal = refusal_of(change(lambda it: it["operations"][0].update(input=schema)))

    assert refusal.kind == "invalid"
    assert refusal.field.startswith("document.operations[0].input")


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {
            "properties": {"$ref": {"type": "string"}, "const": {"$ref": "#/$defs/x"}},
            "$defs": {"x": {"type": "number"}},
        },
        {"$ref": "#/$defs/tree", "$defs": {"tree": {"properties": {"kids": {"items": {"$ref": "#/$defs/tree"}}}}}},
        {"const": {"$ref": 5}, "unknown": [1, {"enum": [2]}]},
    ],
)
def test_an_unusual_schema_is_read_as_it_is_meant(change, schema):
    # Everything is in order but the digest, which was made for another schema.
    assert refusal_of(change(lambda it: it["operations"][0].update(input=schema))).field == "document.digest"


def rule(**members: object) -> bytes:
    return json.dumps({"rules": [{"name": "r", "callers": ["*"], "services": ["shop.v1"], **members}]}).encode()


def test_a_policy_says_the_same_however_it_is_written():
    one = policy_document(b'{"rules": []}', team="shop")
    other = policy_document(b'{ "rules" : [ ] }', team="shop")

    assert (one, one.canonical) == (other, b'{"rules":[]}')


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (rule(callers=[]), "document.rules[0].callers"),
        (rule(caller=["bank"]), "document.rules[0].caller"),
        (rule(services=["bank.v1"]), "document.rules[0].services"),
        (rule(services=["*"]), "document.rules[0].services"),
        (b'{"rule": []}', "document.rule"),
        (b"[]", "document"),
    ],
)
def test_a_policy_that_does_not_hold_together_is_refused(data, field):
    with pytest.raises(Refusal) as refused:
        policy_document(data, team="shop")

    assert refused.value.field == field
