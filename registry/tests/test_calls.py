from dataclasses import replace

import grpc
import pytest
from sales import SOLD

from callboard_registry_api.errors import RegistryRefusedError
from callboard_registry_api.v1 import registry_pb2 as pb


async def test_what_was_reported_comes_back_with_its_reporter(client):
    running = replace(SOLD, outcome="started", duration=None, cost_usd=None)

    kept = await client.report_calls([running, SOLD])

    assert kept == 2
    found = (await client.list_calls()).records
    assert found == (replace(running, reporter="shop"), replace(SOLD, reporter="shop"))


async def test_a_batch_sent_again_adds_nothing(client):
    await client.report_calls([SOLD])

    assert await client.report_calls([SOLD, replace(SOLD, token_id="token-2")]) == 1
    assert len((await client.list_calls()).records) == 2


async def test_records_without_a_token_are_all_kept(client):
    nobody = replace(SOLD, token_id="", caller="", root="", outcome="refused")

    assert await client.report_calls([nobody, nobody]) == 2


async def test_a_live_view_gets_what_arrived_since_and_nothing_twice(client):
    seen = []
    cursor = ""
    for number in range(5):
        await client.report_calls([replace(SOLD, token_id=f"token-{number}-{n}") for n in range(3)])
        page = await client.list_calls(after=cursor)
        seen += [record.token_id for record in page.records]
        cursor = page.cursor
    quiet = await client.list_calls(after=cursor)

    assert seen == [f"token-{number}-{n}" for number in range(5) for n in range(3)]
    assert (quiet.records, quiet.cursor) == ((), cursor)


async def test_one_tree_is_listed_in_pages(client):
    trees = ["a", "b", "a", "b", "a"]
    await client.report_calls([replace(SOLD, root=root, token_id=str(n)) for n, root in enumerate(trees)])

    first = await client.list_calls(root="a", page_size=2)
    second = await client.list_calls(root="a", page_size=2, after=first.cursor)

    assert [[one.token_id for one in page.records] for page in (first, second)] == [["0", "2"], ["4"]]


@pytest.mark.parametrize("after", ["nonsense", "W10"])
async def test_a_cursor_that_was_not_made_here_is_refused(client, after):
    with pytest.raises(RegistryRefusedError) as refused:
        await client.list_calls(after=after)

    assert refused.value.field == "after"


async def test_the_cursor_of_another_tree_is_refused(client):
    page = await client.list_calls(root="a")

    with pytest.raises(RegistryRefusedError):
        await client.list_calls(root="b", after=page.cursor)


async def test_a_caller_may_report_what_it_was_answered_and_a_team_its_canary(running, client, bank):
    async with running.client(bank) as caller:
        assert await caller.report_calls([SOLD]) == 1
    assert await client.report_calls([SOLD, replace(SOLD, endpoint="shop-canary")]) == 2


async def test_nobody_reports_the_calls_of_others(running):
    gossip = await running.enrol("gossip")
    async with running.client(gossip) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.report_calls([replace(SOLD, endpoint="gossip", caller=""), SOLD])

        assert refused.value.field == "batch.records[1].endpoint"
        assert (await client.list_calls()).records == ()


async def test_one_call_with_endless_texts_does_not_keep_the_others_from_being_known(client):
    endless = [replace(SOLD, token_id=f"long-{n}", entity="x" * 1_000_000, reason="\ud800") for n in range(20)]

    assert await client.report_calls([*endless, *(replace(SOLD, token_id=str(n)) for n in range(2500))]) == 2520


@pytest.mark.parametrize(
    "record",
    [
        pb.CallRecord(),
        pb.CallRecord(endpoint="shop", outcome=99),
        pb.CallRecord(endpoint="shop", outcome="CALL_OUTCOME_OK", start={"seconds": 2**62}),
        pb.CallRecord(endpoint="shop", outcome="CALL_OUTCOME_OK", duration={"seconds": 2**62}),
        pb.CallRecord(endpoint="shop", outcome="CALL_OUTCOME_OK", reason="x" * 1001),
    ],
    ids=["empty", "no such outcome", "no such time", "no such duration", "endless"],
)
async def test_a_record_that_cannot_be_one_is_refused_by_name(running, shop, record):
    await refused_batch(running, shop, pb.CallBatch(records=[record]).SerializeToString(), "batch.records[0]")


@pytest.mark.parametrize(
    "batch",
    [b"\xff\xff", b"x" * (1024 * 1024 + 1), pb.CallBatch(records=[pb.CallRecord()] * 1001).SerializeToString()],
    ids=["malformed", "too long", "too many"],
)
async def test_a_batch_that_cannot_be_one_is_refused(running, shop, batch):
    await refused_batch(running, shop, batch, "batch")


async def refused_batch(running, member, batch: bytes, field: str) -> None:
    from callboard_kit.identity import digest

    async with grpc.aio.insecure_channel(str(running.grpc)) as channel:
        call = channel.unary_unary(
            "/callboard.registry.v1.RegistryService/ReportCalls",
            request_serializer=pb.ReportCallsRequest.SerializeToString,
            response_deserializer=pb.ReportCallsResponse.FromString,
        )
        token = member.sign("ReportCalls", digest(batch))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(pb.ReportCallsRequest(batch=batch), metadata=(("authorization", f"bearer {token}"),))

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    trailing = dict(refused.value.trailing_metadata())
    assert trailing["callboard-field-bin"].decode().startswith(field)
