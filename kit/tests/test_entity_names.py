"""Which entities an input names, what their locks are called, and which handlers no lock can guard."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import Shop

from callboard_contracts import Promise
from callboard_kit.contract_book import ContractBook
from callboard_kit.entities.at_once import UnlockedEffectError, require_workflows
from callboard_kit.entities.naming import Entity, entities_of, lock_id


def promise(entity: str | None, effect: Any = "write", **more: Any) -> Promise:
    second = timedelta(seconds=1)
    return Promise(kind="task", effect=effect, entity=entity, latency=second, longest=second, **more)


NAMED = {
    "a field": ("order_id", {"order_id": "#W1"}, ["order_id-#W1"]),
    "a field further in": ("order.id", {"order": {"id": 7}}, ["id-7"]),
    "a kind of its own": ("order:order.id", {"order": {"id": "7"}}, ["order-7"]),
    "a list, each once and in one order": (
        "item:items.id",
        {"items": [{"id": "b"}, {"id": "a"}, {"id": "b"}]},
        ["item-a", "item-b"],
    ),
    "several fields": ("account:to,account:from", {"from": "x", "to": "a"}, ["account-a", "account-x"]),
    "a field that is left out": ("order_id", {}, []),
    "nothing where something else is": ("order.id", {"order": "text"}, []),
}


@pytest.mark.parametrize(("entity", "document", "names"), NAMED.values(), ids=NAMED)
def test_an_input_names_what_is_acted_on(entity: str, document: object, names: list[str]):
    assert [each.name for each in entities_of(promise(entity), json.dumps(document).encode())] == names


def test_what_only_reads_names_nothing_to_lock():
    assert entities_of(promise("order_id", "read"), b'{"order_id": "#W1"}') == ()
    assert entities_of(promise(None), b'{"order_id": "#W1"}') == ()


def test_a_sensitive_key_is_in_neither_name():
    [entity] = entities_of(promise("card", sensitive={"card": "payment"}), b'{"card": "4111"}')

    assert "4111" not in entity.name + entity.shown
    assert entity.name != Entity("card", "4112", secret=True).name


@given(st.text(), st.text())
def test_no_two_keys_share_a_lock(one: str, other: str):
    assert (Entity("order_id", one).name == Entity("order_id", other).name) is (one == other)
    assert Entity("card", one).name != Entity("card", other, secret=True).name or one == other


@given(st.text())
def test_a_locks_name_is_safe_in_an_id(key: str):
    name = lock_id("orders", Entity("order_id", key).name)

    assert name.isascii()
    assert name.isprintable()
    assert " " not in name
    assert len(name) < 200


@pytest.mark.parametrize("entity", ["", ".", "a..b:c:d", "1a", "a,", "A:b"])
def test_a_promise_says_what_it_acts_on_in_a_form_that_can_be_read(entity: str):
    with pytest.raises(ValueError, match="entity"):
        promise(entity)


def test_a_handler_that_answers_at_once_changes_no_entity_unless_its_store_keeps_order():
    book = ContractBook([Shop])
    require_workflows([("shop.v1", "look"), ("nobody.v1", "x")], book, ordered_by_store=())
    require_workflows([("shop.v1", "buy")], book, ordered_by_store=["shop.v1.buy"])

    with pytest.raises(
        UnlockedEffectError, match=r"shop\.v1 buy changes 'text' .* say ordered_by_store=\['shop\.v1\.buy'\]"
    ):
        require_workflows([("shop.v1", "buy")], book, ordered_by_store=())
