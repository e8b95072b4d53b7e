"""Who depends on a service: those who say so, those who were seen, and those a change concerns."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from publishing_shop import Member, Running

from callboard_contracts import ServiceDescription
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryRefusedError
from callboard_registry_api.model import CallRecord

NOW = datetime.now(UTC)
SOLD = CallRecord(
    root="root-1",
    token_id="token-1",
    caller="bank",
    endpoint="shop",
    service="shop.v1",
    operation="sell",
    start=NOW - timedelta(hours=1),
    outcome="ok",
    duration=timedelta(seconds=1),
    revision="sha256:0",
)


async def declares(running: Running, member: Member, *services: str) -> bool:
    async with running.client(member) as client:
        return await client.audit.declare(member.team, services)


async def test_saying_and_being_seen_are_told_apart(running: Running, client: RegistryClient, bank: Member) -> None:
    quiet = await running.enrol("quiet")
    await declares(running, bank, "shop.v1")
    await declares(running, quiet, "shop.v1", "other.v1")
    await client.report_calls(
        [SOLD, replace(SOLD, token_id="2", outcome="failed"), replace(SOLD, token_id="3", caller="press")]
    )

    found = await client.audit.consumers("shop.v1")

    assert [(each.team, each.declared, each.seen, each.operation, each.calls, each.errors) for each in found] == [
        ("bank", True, True, "sell", 2, 1),
        ("press", False, True, "sell", 1, 0),
        ("quiet", True, False, "", 0, 0),
    ]
    assert found[0].last == SOLD.start


async def test_consumers_are_told_apart_by_operation_and_revision(client: RegistryClient) -> None:
    await client.report_calls(
        [SOLD, replace(SOLD, token_id="2", revision="sha256:1"), replace(SOLD, token_id="3", operation="mend")]
    )

    found = await client.audit.consumers("shop.v1", operation="sell")

    assert [(each.operation, each.revision, each.calls) for each in found] == [
        ("sell", "sha256:0", 1),
        ("sell", "sha256:1", 1),
    ]


async def test_who_was_only_ever_refused_is_no_consumer(client: RegistryClient) -> None:
    await client.report_calls(
        [
            replace(SOLD, token_id="0", caller="thief", outcome="refused"),
            SOLD,
            replace(SOLD, token_id="2", outcome="refused"),
        ]
    )

    assert [(each.team, each.calls, each.errors) for each in await client.audit.consumers("shop.v1")] == [
        ("bank", 2, 1)
    ]


async def test_only_who_was_seen_lately_was_seen(client: RegistryClient) -> None:
    await client.report_calls([replace(SOLD, start=NOW - timedelta(days=40))])

    assert await client.audit.consumers("shop.v1") == ()
    [found] = await client.audit.consumers("shop.v1", since=NOW - timedelta(days=50))
    assert found.team == "bank"


async def test_http_answers_the_same(running: Running, client: RegistryClient) -> None:
    await client.report_calls([SOLD])

    async with httpx.AsyncClient(base_url=f"http://{running.http}", timeout=60) as http:
        [found] = (await http.get("/v1/services/shop.v1/consumers")).json()["consumers"]

    assert (found["team"], found["seen"], found["declared"], found["error_rate"]) == ("bank", True, False, 0.0)


async def test_what_a_team_says_last_counts(running: Running, client: RegistryClient, bank: Member) -> None:
    said = [await declares(running, bank, *services) for services in (("shop.v1",), ("shop.v1",), ("other.v1",), ())]

    assert said == [True, False, True, True]
    assert await client.audit.consumers("shop.v1") == ()


async def test_what_was_said_before_does_not_come_back(running: Running, bank: Member) -> None:
    document = json.dumps({"calls": ["shop.v1"]}).encode()
    old = NOW.timestamp() - 100
    await declares(running, bank)
    from callboard_kit.identity import digest

    async with running.client(
        bank, sign=lambda method, _: bank.token(mth=method, dig=digest(document), iat=int(old), exp=int(old) + 290)
    ) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.audit.declare("bank", ["shop.v1"])

    assert refused.value.field == "authorization"


async def test_nobody_speaks_for_another_team(running: Running, bank: Member) -> None:
    async with running.client(bank) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.audit.declare("shop", ["bank.v1"])

    assert refused.value.field == "team"


@pytest.mark.parametrize(
    ("services", "field"), [(["nonsense"], "document.calls[0]"), (["a.v1"] * 1001, "document.calls")]
)
async def test_what_can_be_no_service_is_not_declared(
    running: Running, bank: Member, services: list[str], field: str
) -> None:
    async with running.client(bank) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.audit.declare("bank", services)

    assert refused.value.field == field


async def test_consumers_of_nothing_are_refused_by_name(client: RegistryClient) -> None:
    with pytest.raises(RegistryRefusedError) as refused:
        await client.audit.consumers("")

    assert refused.value.field == "service"


async def test_a_change_that_breaks_says_whom(running: Running, client: RegistryClient, bank: Member, document) -> None:
    listing = await client.publish_listing(document())
    await _approve(running, listing)
    await declares(running, await running.enrol("quiet"), "shop.v1")
    await client.report_calls(
        [replace(SOLD, revision=listing.digest), replace(SOLD, token_id="2", operation="mend", caller="press")]
    )

    verdict = await client.compatibility.compare(document=document(longest=30))
    with pytest.raises(RegistryRefusedError) as refused:
        await client.publish_listing(document(longest=30))

    # Of the operation in question; who called only another is not concerned.
    assert [(each.team, each.operations, each.declared) for each in verdict.affected] == [
        ("bank", ("sell",), False),
        ("quiet", (), True),
    ]
    assert "it concerns bank (sell: 1 call, last " in str(refused.value)
    assert "quiet (says that it calls the service, was not seen to); publish it as 'shop.v2'" in str(refused.value)


async def test_what_may_be_missed_says_by_whom_when_it_is_published(
    running: Running, client: RegistryClient, document
) -> None:
    listing = await client.publish_listing(document())
    await _approve(running, listing)
    await client.report_calls([SOLD])
    slower = json.loads(document())
    slower["operations"][0]["promise"]["latency_seconds"] = 30
    slower["digest"] = ServiceDescription.model_validate(slower).observable_digest()

    published = await client.publish_listing(json.dumps(slower).encode())

    assert published.verdict is not None
    assert published.verdict.warnings
    assert [each.team for each in published.verdict.affected] == ["bank"]


async def test_the_last_revision_is_not_retired_from_under_those_who_say_they_call(
    running: Running, client: RegistryClient, bank: Member, document
) -> None:
    listing = await client.publish_listing(document())
    await _approve(running, listing)
    await declares(running, bank, "shop.v1")
    async with running.client() as administrator:
        await administrator.set_state("shop.v1", listing.digest, "deprecated")
        with pytest.raises(RegistryRefusedError) as refused:
            await administrator.set_state("shop.v1", listing.digest, "retired")
        retired = await administrator.set_state("shop.v1", listing.digest, "retired", force=True)

    assert refused.value.field == "force"
    assert "'bank'" in str(refused.value)
    assert retired.state == "retired"


async def _approve(running: Running, listing) -> None:
    async with running.client() as administrator:
        await administrator.set_state(listing.service, listing.digest, "approved")
