"""A model is told what its team may call: names first, schemas on demand, and nothing else."""

import json
from collections.abc import Sequence

import httpx2
import pytest

from callboard_contracts import ServiceDescription
from callboard_kit.identity import digest
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.discovery import OperationName
from callboard_registry_api.errors import RegistryRefusedError


def rule(*callers: str, service: str = "shop.v1", operations: Sequence[str] = ("*",)) -> dict[str, object]:
    name = f"{service}-for-{'-'.join(callers)}"
    return {"name": name, "callers": callers, "services": [service], "operations": operations}


def policy(*rules: dict[str, object]) -> bytes:
    return json.dumps({"rules": rules}).encode()


def crowded(document: bytes, *names: str, hidden: Sequence[str] = ()) -> bytes:
    """The document with an operation of each name; those `hidden` are not for models."""
    changed = json.loads(document)
    [first] = changed["operations"]
    changed["operations"] = [
        {**first, "name": name, "promise": {**first["promise"], "model_callable": name not in hidden}}
        for name in (*names, *hidden)
    ]
    return relabelled(changed)


def relabelled(document: dict[str, object]) -> bytes:
    digest = ServiceDescription.model_validate(document).observable_digest()
    return json.dumps({**document, "digest": digest}).encode()


def names(found) -> list[str]:
    return [f"{each.service} {each.operation}" for each in found.operations]


async def test_a_team_is_told_only_what_it_may_call_and_a_model_too(running, client, bank, document):
    await client.publish_listing(crowded(document(), "sell", "lend", "give", hidden=["burn"]))
    await client.publish_policy("shop", policy(rule("bank", operations=["sell", "burn"]), rule("support")))
    async with running.client(bank) as other:
        await other.publish_listing(document(service="bank.v1"))

    for_bank = await client.discovery.discover("bank")
    for_support = await client.discovery.discover("support")
    for_nobody = await client.discovery.discover("orders")

    assert (names(for_bank), for_bank.total, for_bank.services) == (["shop.v1 sell"], 1, ("shop.v1",))
    assert (names(for_support), for_support.total) == (["shop.v1 sell", "shop.v1 lend", "shop.v1 give"], 3)
    assert (names(for_nobody), for_nobody.total, for_nobody.services) == ([], 0, ())


async def test_words_choose_and_do_not_change_how_much_there_is(client, document):
    await client.publish_listing(crowded(document(), "sell", "lend", "give"))
    await client.publish_policy("shop", policy(rule("bank")))

    found = await client.discovery.discover("bank", "lend something")

    assert (names(found)[0], found.total, found.total_services) == ("shop.v1 lend", 3, 1)


async def test_a_page_is_full_however_little_of_everything_the_caller_may_call(client, document):
    offered = [f"sell_{number}" for number in range(0, 60, 10)]
    await client.publish_listing(crowded(document(), *(f"sell_{number}" for number in range(60))))
    await client.publish_policy("shop", policy(rule("bank", operations=offered)))

    told, token = [], ""
    while True:
        page = await client.discovery.discover("bank", "sell", page_size=4, page_token=token)
        told.append(names(page))
        token = page.next_page_token
        if not token:
            break

    assert [len(each) for each in told] == [4, 2]
    assert {name for page in told for name in page} == {f"shop.v1 {name}" for name in offered}
    found = await client.search("sell", caller="bank", page_size=4)
    assert len(found.items) == 4


async def test_what_was_learnt_is_given_up_with_the_next_change(client, document):
    listing = await client.publish_listing(document())
    nothing = await client.discovery.discover("bank")
    await client.publish_policy("shop", policy(rule("bank")))
    allowed = await client.discovery.discover("bank")
    again = await client.discovery.discover("bank")
    await client.set_state("shop.v1", listing.digest, "revoked")
    revoked = await client.discovery.discover("bank")

    assert [nothing.total, allowed.total, again.total, revoked.total] == [0, 1, 1, 0]
    assert nothing.as_of != allowed.as_of == again.as_of != revoked.as_of


async def test_an_operation_is_described_as_the_revision_in_force_promises_it(client, document):
    first = await client.publish_listing(document(longest=60))
    await client.set_state("shop.v1", first.digest, "approved")
    draft = await client.publish_listing(document(longest=90))
    name = OperationName("shop.v1", "sell")

    [newest] = await client.discovery.describe([name])
    [approved] = await client.discovery.describe([name], states=["approved"])

    assert (newest.digest, newest.state, approved.digest) == (draft.digest, "draft", first.digest)
    assert json.loads(approved.document) == json.loads(document(longest=60))["operations"][0]
    assert (approved.team, approved.endpoint, approved.operation) == ("shop", "shop", "sell")


async def test_what_is_not_there_or_not_the_callers_is_left_out(client, document):
    await client.publish_listing(crowded(document(), "sell", "lend", hidden=["burn"]))
    await client.publish_policy("shop", policy(rule("bank", operations=["lend", "burn"])))
    asked = [OperationName("shop.v1", each) for each in ("lend", "burn", "nonsense", "sell")]

    for_bank = await client.discovery.describe(asked, caller="bank")
    for_anyone = await client.discovery.describe([*asked, OperationName("no.v1", "sell")])

    assert [each.operation for each in for_bank] == ["lend"]
    assert [each.operation for each in for_anyone] == ["lend", "burn", "sell"]


async def test_descriptions_too_long_for_one_answer_come_in_several(client, document):
    # 40 operations of 60 kB each: more than one message takes.
    long = json.loads(crowded(document(), *(f"sell_{number}" for number in range(15))))
    for operation in long["operations"]:
        operation["description"] = "word " * 12_000
    asked = []
    for number in range(1, 5):
        service = f"shop.v{number}"
        await client.publish_listing(relabelled({**long, "service": service}))
        asked += [OperationName(service, f"sell_{index}") for index in range(15)]

    described = await client.discovery.describe(asked)

    assert [OperationName(each.service, each.operation) for each in described] == asked


async def test_a_question_that_makes_no_sense_is_refused_and_says_why(client):
    with pytest.raises(RegistryRefusedError) as nobody:
        await client.discovery.discover("")
    with pytest.raises(RegistryRefusedError) as other:
        await client.discovery.discover("bank", page_token="nonsense")

    assert (nobody.value.field, other.value.field) == ("caller", "page_token")


async def test_the_same_is_told_as_json(running, client, document):
    await client.publish_listing(document())
    await client.publish_policy("shop", policy(rule("bank")))

    async with httpx2.AsyncClient(base_url=f"http://{running.http}", timeout=60) as http:
        told = (await http.get("/v1/operations", params={"caller": "bank", "words": "sell"})).json()
        described = (await http.get("/v1/operations/shop.v1/sell", params={"caller": "bank"})).json()
        missing = await http.get("/v1/operations/shop.v1/sell", params={"caller": "support"})

    assert ([each["operation"] for each in told["operations"]], told["total"]) == (["sell"], 1)
    assert described["document"]["input"] == json.loads(document())["operations"][0]["input"]
    assert (missing.status_code, "catalog search" in missing.text) == (404, True)


async def test_where_reading_needs_a_token_no_team_asks_for_another(serve_with, document):
    async with serve_with(reading_needs_token=True) as running:
        shop, bank = await running.enrol("shop"), await running.enrol("bank")
        async with running.client(shop) as client:
            await client.publish_listing(document())
            await client.publish_policy("shop", policy(rule("bank")))
        async with running.client() as administrator:
            assert (await administrator.discovery.discover("bank")).total == 1
        sell = [OperationName("shop.v1", "sell")]
        async with RegistryClient(str(running.grpc), sign=bank.sign) as client:
            own = await client.discovery.discover("bank"), await client.discovery.describe(sell, caller="bank")
        async with RegistryClient(str(running.grpc), sign=shop.sign) as client:
            for asking in (
                client.discovery.discover("bank"),
                client.discovery.describe(sell, caller="bank"),
                client.search(caller="bank"),
            ):
                with pytest.raises(RegistryRefusedError, match="asked for 'bank', but 'shop' signed it") as refused:
                    await asking
                assert refused.value.field == "caller"
        token = shop.token(mth="Read", dig=digest(b""))
        async with httpx2.AsyncClient(base_url=f"http://{running.http}", timeout=60) as http:
            http.headers["authorization"] = f"Bearer {token}"
            answers = [await http.get("/v1/operations", params={"caller": caller}) for caller in ("bank", "shop")]

    assert (own[0].total, len(own[1])) == (1, 1)
    assert [answer.status_code for answer in answers] == [403, 200]
