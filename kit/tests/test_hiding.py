"""Fields that a policy hides are gone wherever they stand, and one that cannot be hidden is found out beforehand."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

import nexusrpc
import pytest
from pydantic import Field, RootModel

from callboard_contracts import Message, promise
from callboard_kit.contract_book import ContractBook, OperationContract


class Address(Message):
    street: str
    zip: str | None = None


class Card(Message):
    source: Literal["card"] = "card"
    brand: str
    last_four: str | None = None


class Voucher(Message):
    source: Literal["voucher"] = "voucher"
    last_four: str


class Tree(Message):
    label: str
    note: str | None = None
    children: "tuple[Tree, ...]" = ()


class Nested(RootModel["tuple[Nested, ...] | str"]):
    pass


class Person(Message):
    name: str
    email: str | None = None
    home: Address | None = None
    past: tuple[Address, ...] = ()
    cards: Mapping[str, Card] = {}
    pays: Annotated[Card | Voucher, Field(discriminator="source")] | None = None
    cards_or_vouchers: tuple[Card | Voucher, ...] = ()
    pair: tuple[Address, Card] | None = None
    tree: Tree | None = None
    nested: Nested | None = None
    anything: Mapping[str, object] = {}


@nexusrpc.service(name="people.v1")
class People:
    show: nexusrpc.Operation[Address, Person] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=2)
    )


@pytest.fixture(scope="module")
def contract() -> OperationContract:
    found = ContractBook([People]).find("people.v1", "show")
    assert found is not None
    return found


def hidden(contract: OperationContract, document: object, *paths: str) -> object:
    return json.loads(contract.hidden(json.dumps(document).encode(), paths))


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("email", {"name": "n", "email": "e"}, {"name": "n"}),
        ("home.zip", {"home": {"street": "s", "zip": "z"}}, {"home": {"street": "s"}}),
        ("past.zip", {"past": [{"zip": 1, "street": 2}, {"street": 3}]}, {"past": [{"street": 2}, {"street": 3}]}),
        ("cards.*.last_four", {"cards": {"a": {"last_four": 1, "brand": 2}}}, {"cards": {"a": {"brand": 2}}}),
        ("cards.a.brand", {"cards": {"a": {"brand": 2}, "b": {"brand": 3}}}, {"cards": {"a": {}, "b": {"brand": 3}}}),
        ("cards.*", {"cards": {"a": {}, "b": {}}}, {"cards": {}}),
        ("tree.children.note", {"tree": {"children": [{"note": 1}]}}, {"tree": {"children": [{}]}}),
        ("past.zip", {"past": [[{"zip": 1}]]}, {"past": [[{}]]}),
        ("email.address", {"email": "e"}, {"email": "e"}),
        ("home.zip", {"home": None}, {"home": None}),
        ("nothing", {"name": "n"}, {"name": "n"}),
    ],
)
def test_a_hidden_field_is_gone_and_everything_else_stays(
    contract: OperationContract, path: str, before: object, after: object
) -> None:
    assert hidden(contract, before, path) == after


def test_several_fields_are_hidden_at_once_and_an_empty_answer_stays_empty(contract: OperationContract) -> None:
    assert hidden(contract, {"name": "n", "email": "e", "home": {"zip": 1}}, "email", "home.zip") == {
        "name": "n",
        "home": {},
    }
    assert contract.hidden(b"", ["email"]) == b""


@pytest.mark.parametrize(
    "path",
    [
        "name",
        "home.street",
        "past.street",
        "cards.*.brand",
        "cards.any.brand",
        "pays.brand",
        "pays.last_four",
        "cards_or_vouchers.last_four",
        "pair.street",
        "pair.brand",
        "tree.label",
        "tree.children.children.label",
        "*",
        "home.*",
    ],
)
def test_a_field_that_the_contract_promises_cannot_be_hidden(contract: OperationContract, path: str) -> None:
    assert contract.unhidable(["email", path]) == path


@pytest.mark.parametrize(
    "path",
    [
        "email",
        "home",
        "home.zip",
        "past.zip",
        "cards.*.last_four",
        "cards.*",
        "pair.zip",
        "tree.children.note",
        "anything.*",
    ],
)
def test_an_optional_field_can_be_hidden(contract: OperationContract, path: str) -> None:
    assert contract.unhidable([path]) is None
    assert contract.holds(path)


@pytest.mark.parametrize("path", ["emial", "home.street.number", "past.0.zip", "nested.deep", ""])
def test_a_field_that_is_nowhere_is_known_to_be_nowhere(contract: OperationContract, path: str) -> None:
    assert not contract.holds(path)


def test_input_and_output_are_judged_by_the_schema_without_a_word_of_theirs(contract: OperationContract) -> None:
    assert contract.input_fault(b'{"street": "s"}') is None
    fault = contract.input_fault(b'{"street": {"secret": "s3cret"}}')
    assert fault is not None
    assert fault.startswith("input.street: ")
    assert "s3cret" not in fault
    assert "input is not JSON" in str(contract.input_fault(b"{"))
    assert contract.input_fault(b"[" * 100_000) == "input is nested too deeply"
    assert str(contract.output_fault(b'{"name": "n", "past": [{"street": 1}]}')).startswith("output.past.0.street: ")


def test_a_contract_that_nobody_knows_is_none() -> None:
    book = ContractBook()

    assert book.find("people.v1", "show") is None
    assert book.find("orders.v1", "no_such_operation") is None
    assert book.operations("people.v1") == ()
