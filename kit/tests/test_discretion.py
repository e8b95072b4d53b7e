"""What a contract calls sensitive is in nothing that outlives the call."""

import json
from datetime import timedelta

import pytest

from callboard_contracts import Promise
from callboard_kit.discretion import discreet, entity_digest, entity_of, shown_entity


def promise(entity: str | None = None, **sensitive: str) -> Promise:
    return Promise(
        kind="task",
        effect="write",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=2),
        entity=entity,
        sensitive={path.replace("__", "."): kind for path, kind in sensitive.items()},
    )


def sent(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_an_entity_is_shown_as_it_was_sent() -> None:
    assert entity_of(promise("order.id"), sent(order={"id": "#W1"}), longest=200) == "#W1"
    assert entity_of(promise("number"), sent(number=7), longest=200) == "7"


@pytest.mark.parametrize(
    ("given", "data"),
    [(None, sent(id="x")), ("id", b""), ("id", b"no json"), ("id", sent(other=1)), ("id.of", sent(id="x"))],
)
def test_where_nothing_is_named_nothing_is_shown(given: str | None, data: bytes) -> None:
    assert entity_of(promise(given), data, longest=200) == ""


def test_a_sensitive_entity_is_shown_as_a_digest_that_stays_the_same() -> None:
    shown = entity_of(promise("card", card="payment"), sent(card="4711-0815"), longest=200)

    assert shown == entity_digest("4711-0815") == shown_entity(promise("card", card="payment"), "4711-0815")
    assert shown.startswith("sha256:")
    assert "4711" not in shown


def test_what_lies_in_a_sensitive_field_is_sensitive_too() -> None:
    assert shown_entity(promise("person.email", person="contact"), "mia@example.com").startswith("sha256:")
    assert shown_entity(promise("personnel", person="contact"), "7") == "7"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("no card '4711-0815' is known", "no card (payment) is known"),
        ("4711-0815 is no card", "(payment) is no card"),
        ("nobody lives at 'x' in 12345", "nobody lives at (location) in (location)"),
        ("order '#W1' was shipped", "order '#W1' was shipped"),
        ("it's Ann-Marie's, not Ann's", "it's (name)'s, not (name)'s"),
        ("", ""),
    ],
)
def test_words_that_quote_what_is_sensitive_have_its_class_instead(words: str, shown: str) -> None:
    data = sent(
        order="#W1", card="4711-0815", addresses=[{"street": "x", "zip": 12345}], names={"a": "Ann", "b": "Ann-Marie"}
    )
    contract = promise(card="payment", addresses="location", names="name")

    assert discreet(words, contract, data) == shown


def test_keys_of_a_map_are_meant_by_a_star_and_elements_of_a_list_by_its_name() -> None:
    data = sent(cards={"one": {"number": "4711"}, "two": {"number": "0815"}}, notes=[{"text": "secret words"}])
    contract = promise(**{"cards__*__number": "payment", "notes__text": "words"})

    assert discreet("4711, 0815 and secret words", contract, data) == "(payment), (payment) and (words)"
