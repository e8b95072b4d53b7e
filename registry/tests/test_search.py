"""Operations are found by what they are called, say, take, answer and do."""

import json
from datetime import timedelta

import nexusrpc
import pytest
from sqlalchemy import create_engine, text

from callboard_contracts import Message, describe, promise, service_named
from callboard_kit.identity import SigningKey
from callboard_kit.publishing import registry_signature
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryRefusedError

HOUSE = ("billing.v1", "customers.v1", "inventory.v1", "orders.v1", "support.v1")


@pytest.fixture
async def house(running, client):
    """The registry with the contracts of the house; a client that reads."""
    for name in HOUSE:
        description = describe(service_named(name))
        member = await running.enrol(description.team)
        async with running.client(member) as publisher:
            await publisher.publish_listing(description.model_dump_json().encode())
    return client


async def found(client, words: str = "", **more: object) -> list[str]:
    page = await client.search(words, **more)
    return [f"{each.service} {each.operation}" for each in page.items]


async def test_words_find_the_operation_that_says_them(house):
    assert (await found(house, "cancel order"))[0] == "orders.v1 cancel_pending_order"
    assert (await found(house, "CANCEL"))[0] == "orders.v1 cancel_pending_order"
    assert (await found(house, "canc"))[0] == "orders.v1 cancel_pending_order"
    assert await found(house, "xylophone") == []


async def test_a_whole_sentence_finds_what_has_any_of_its_words(house):
    assert "orders.v1 cancel_pending_order" in await found(house, "xylophone, please cancel it quickly")


@pytest.mark.parametrize(
    "words", ["'", '"', "* OR 1", "NEAR(", "a:b", "-x", "\\", "%", "ß" * 3000, "( | & !", "a " * 5000]
)
async def test_no_words_break_the_search(house, words):
    await house.search(words)


async def test_operations_are_found_by_name_field_effect_owner_and_state(house):
    orders = await house.get_listing("orders.v1")
    await house.set_state("orders.v1", orders.digest, "approved")

    by_name = await found(house, operation="CANCEL_pending")
    by_field = await found(house, field="order_id", team="orders", effect="irreversible")
    by_state = await found(house, states=["approved"])
    together = await found(house, "order", effect="read", team="orders")

    assert by_name == ["orders.v1 cancel_pending_order"]
    assert by_state and {each.partition(" ")[0] for each in by_state} == {"orders.v1"}
    assert set(together) < set(by_state)
    description = json.loads(orders.document)
    effects = {each["name"]: each["promise"]["effect"] for each in description["operations"]}
    assert {effects[each.partition(" ")[2]] for each in together} == {"read"}
    assert {effects[each.partition(" ")[2]] for each in by_field} <= {"irreversible"}
    assert await found(house, field="order") == []


async def test_what_is_gone_is_found_only_when_asked_for(house):
    orders = await house.get_listing("orders.v1")
    await house.set_state("orders.v1", orders.digest, "revoked")

    assert await found(house, operation="cancel_pending_order") == []
    assert await found(house, operation="cancel_pending_order", states=["revoked"]) == [
        "orders.v1 cancel_pending_order"
    ]


async def test_only_what_the_caller_may_call_is_found(running, client, shop, bank, document):
    rule = {"name": "bank-may-sell", "callers": ["bank"], "services": ["shop.v1"], "operations": ["sell"]}
    await client.publish_listing(document())
    await client.publish_policy("shop", json.dumps({"rules": [rule]}).encode())

    assert await found(client, caller="bank") == ["shop.v1 sell"]
    assert await found(client, caller="support") == []


class Note(Message):
    """Something written down."""

    text: str


@nexusrpc.service(name="shop.v1")
class Notes:
    """Keeps notes."""

    write: nexusrpc.Operation[Note, Note] = promise(
        kind="task", effect="write", latency=timedelta(seconds=1), longest=timedelta(minutes=1), model_callable=False
    )
    """Write a note."""


async def test_what_a_model_may_not_call_is_left_out_for_models(client):
    document = {**describe(Notes).model_dump(mode="json"), "team": "shop", "endpoint": "shop"}
    await client.publish_listing(json.dumps(document).encode())

    assert await found(client, "note") == ["shop.v1 write"]
    assert await found(client, "note", for_models=True) == []


async def test_pages_have_no_gaps_and_belong_to_one_question(house):
    everything = await found(house, "order", page_size=200)

    first = await house.search("order", page_size=3)
    pages, page = [*first.items], first
    while page.next_page_token:
        page = await house.search("order", page_size=3, page_token=page.next_page_token)
        pages += page.items

    assert [f"{each.service} {each.operation}" for each in pages] == everything
    assert len(set(everything)) == len(everything) > 3
    with pytest.raises(RegistryRefusedError) as refused:
        await house.search("other", page_size=3, page_token=first.next_page_token)
    assert refused.value.field == "page_token"


async def test_new_words_are_found_and_old_ones_are_not(client, document):
    await client.publish_listing(document(summary="Sells thigns."))
    await client.publish_listing(document(summary="Sells everything."))

    assert await found(client, "everything") == ["shop.v1 sell"]
    assert await found(client, "thigns") == []


async def test_listings_that_were_kept_before_there_was_an_index_are_found(any_database, document):
    anywhere = Address("127.0.0.1", 0)
    settings = Settings(database=any_database.migrated(), grpc=anywhere, http=anywhere, administrator_token="for-tests")
    key = SigningKey.generate("shop")
    async with (
        serving(settings) as addresses,
        RegistryClient(str(addresses.grpc), sign=registry_signature(key), administrator_token="for-tests") as client,
    ):
        await client.register_key("shop", key.key_id, key.public_key.public_bytes)
        await client.publish_listing(document())
    engine = create_engine(settings.database)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM operations"))
    engine.dispose()

    async with serving(settings) as addresses, RegistryClient(str(addresses.grpc)) as client:
        assert await found(client, "sell") == ["shop.v1 sell"]
