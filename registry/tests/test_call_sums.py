"""Calls added up: what stays when the single records are gone, exact whatever order records come in."""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from callboard_registry.calls import Calls
from callboard_registry.database import Database
from callboard_registry.totals import Totals, Which, bucket_of, percentile
from callboard_registry_api.audit import CallFilter, CallTotal
from callboard_registry_api.errors import RegistryRefusedError
from callboard_registry_api.model import CallRecord

DAY = datetime(2026, 11, 20, tzinfo=UTC)
SOLD = CallRecord(
    root="root-1",
    token_id="token-1",
    caller="bank",
    endpoint="shop",
    service="shop.v1",
    operation="sell",
    start=DAY + timedelta(hours=9),
    outcome="ok",
    duration=timedelta(milliseconds=200),
    revision="sha256:0",
    input_tokens=100,
    output_tokens=20,
    cost_usd=0.1,
)


@pytest.fixture
def database(any_database: Callable[[], str]) -> Iterator[Database]:
    database = Database.open(any_database.migrated())
    yield database
    database.close()


def many(count: int, **what: object) -> list[CallRecord]:
    return [replace(SOLD, token_id=f"many-{number}", **what) for number in range(count)]


def total(database: Database, **which: object) -> CallTotal | None:
    rows, _ = Totals(database).page(Which(**which), by=(), offset=0, limit=10)
    return rows[0] if rows else None


def test_sums_are_exact(database: Database) -> None:
    Calls(database).add("shop", many(10))
    Calls(database).add("shop", [replace(SOLD, outcome="failed", duration=None, cost_usd=None)])

    found = total(database)

    assert found is not None
    assert (found.calls, found.errors, found.duration) == (11, 1, timedelta(seconds=2))
    assert (found.input_tokens, found.output_tokens, found.cost_usd) == (1100, 220, 1.0)
    assert found.last == SOLD.start


def test_a_call_that_has_only_begun_is_in_no_sum(database: Database) -> None:
    Calls(database).add("shop", [replace(SOLD, outcome="started", duration=None)])

    assert total(database) is None


def test_a_batch_that_comes_again_adds_nothing(database: Database) -> None:
    for _ in range(3):
        Calls(database).add("shop", many(3))

    found = total(database)
    assert found is not None
    assert found.calls == 3


def test_a_derived_record_counts_until_the_same_one_is_reported(database: Database) -> None:
    calls = Calls(database)
    guess = replace(SOLD, revision="", duration=timedelta(seconds=9), input_tokens=0, output_tokens=0, cost_usd=None)

    assert calls.derive([("shop", guess)]) == 1
    assert calls.add("shop", [SOLD]) == 1
    assert calls.derive([("shop", guess)]) == 0

    assert calls.page(CallFilter(), after=0, limit=10)[0] == [replace(SOLD, reporter="shop")]
    found = total(database)
    assert found is not None
    assert (found.calls, found.duration, found.cost_usd) == (1, timedelta(milliseconds=200), 0.1)
    assert total(database, revision="") == found


def test_what_the_provider_says_counts_before_what_the_caller_says(database: Database) -> None:
    calls = Calls(database)
    calls.derive([("bank", replace(SOLD, outcome="unavailable"))])
    calls.derive([("shop", SOLD)])

    assert total(database, outcomes=("unavailable",)) is None
    assert total(database, outcomes=("ok",)) is not None
    assert len(calls.page(CallFilter(), after=0, limit=10)[0]) == 2


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_order_the_sums_are_the_same(any_database: Callable[[], str], seed: int) -> None:
    tellings: list[tuple[str, str, CallRecord]] = []
    for number in range(12):
        one = replace(SOLD, token_id=f"t-{number}", duration=timedelta(milliseconds=10 * number), outcome="ok")
        tellings += [("live", "shop", one), ("derived", "shop", replace(one, revision="", cost_usd=None))]
        tellings += [("derived", "bank", replace(one, outcome="unavailable"))] if number % 3 == 0 else []
    found = []
    for order in (tellings, random.Random(seed).sample(tellings, len(tellings))):
        database = Database.open(any_database.migrated())
        for how, side, record in order:
            if how == "live":
                Calls(database).add(side, [record])
            else:
                Calls(database).derive([(side, record)])
        rows, _ = Totals(database).page(Which(), by=("revision", "outcome"), offset=0, limit=10)
        found.append([replace(row, last=DAY) for row in rows])
        database.close()

    assert found[0] == found[1]
    assert [(row.outcome, row.calls) for row in found[0]] == [("ok", 12)]


def test_rows_are_told_apart_by_what_is_asked(database: Database) -> None:
    Calls(database).add("shop", [replace(each, caller="bank") for each in many(3)])
    Calls(database).add("shop", [replace(SOLD, caller="press", start=DAY + timedelta(days=1, hours=1))])

    rows, more = Totals(database).page(Which(service="shop.v1"), by=("day", "caller"), offset=0, limit=10)

    assert not more
    assert [(row.day, row.caller, row.calls) for row in rows] == [
        (DAY, "bank", 3),
        (DAY + timedelta(days=1), "press", 1),
    ]
    assert total(database, since=DAY + timedelta(days=1, hours=20)) == replace(rows[1], day=None, caller="")
    assert total(database, until=DAY + timedelta(hours=1)) == replace(rows[0], day=None, caller="")


def test_percentiles_are_within_a_fifth(database: Database) -> None:
    spans = [timedelta(milliseconds=3 * number + 5) for number in range(1000)]
    records = [replace(SOLD, token_id=f"p-{n}", duration=span) for n, span in enumerate(spans)]
    Calls(database).add("shop", records)

    found = total(database)

    assert found is not None
    for about, exact in ((found.p50, spans[499]), (found.p95, spans[949])):
        assert about is not None
        assert exact / 1.2 < about < exact * 1.2


@pytest.mark.parametrize("microseconds", [0, 1, 999, 1000, 1001, 10**6, 10**9, 10**15])
def test_every_span_has_a_bucket_that_tells_it_within_a_fifth(microseconds: int) -> None:
    span = timedelta(microseconds=microseconds)

    about = percentile({bucket_of(span): 1}, 0.5)

    assert about is not None
    if timedelta(milliseconds=1) <= span < timedelta(days=3650):
        assert span / 1.2 < about < span * 1.2


def test_old_records_go_and_their_sums_stay(database: Database) -> None:
    calls = Calls(database)
    long = replace(SOLD, token_id="long", duration=timedelta(days=3))
    calls.add("shop", [*many(5), long, replace(SOLD, token_id="new", start=DAY + timedelta(days=2))])
    before = total(database)

    assert calls.prune(DAY + timedelta(days=1)) == 5
    assert calls.prune(DAY) == 0

    # One that began as early but ended later is kept.
    assert {each.token_id for each in calls.page(CallFilter(), after=0, limit=10)[0]} == {"long", "new"}
    assert total(database) == before


def test_what_was_pruned_is_not_counted_again_when_it_comes_late(database: Database) -> None:
    calls = Calls(database)
    calls.add("shop", many(5))
    calls.prune(DAY + timedelta(days=1))
    # Records are to be kept longer from now on; those that are gone do not come back by that.
    calls.prune(DAY)

    assert calls.derive([("shop", each) for each in many(5)]) == 0
    assert calls.add("shop", many(5)) == 0

    found = total(database)
    assert found is not None
    assert found.calls == 5


def test_what_nobody_can_have_used_does_not_spoil_the_sums(database: Database) -> None:
    endless = replace(
        SOLD, input_tokens=2**63 - 1, output_tokens=2**63 - 1, cost_usd=float("inf"), duration=timedelta(days=999_999)
    )
    Calls(database).add("shop", [replace(endless, token_id=str(number)) for number in range(100)])

    found = total(database)
    assert found is not None
    assert found.calls == 100


async def test_sums_and_filters_are_answered_over_grpc_and_http(running, client) -> None:
    await client.report_calls([*many(3), replace(SOLD, outcome="failed", operation="mend")])

    rows = [row async for row in client.audit.totals(by=("operation", "outcome"), service="shop.v1")]
    failed = await client.audit.calls(CallFilter(outcomes=("failed",), team="bank"))
    async with httpx.AsyncClient(base_url=f"http://{running.http}", timeout=60) as http:
        sums = (await http.get("/v1/totals", params={"by": ["operation", "outcome"], "service": "shop.v1"})).json()
        found = (await http.get("/v1/calls", params={"outcomes": "failed", "newest_first": True})).json()

    assert [(row.operation, row.outcome, row.calls) for row in rows] == [("mend", "failed", 1), ("sell", "ok", 3)]
    assert [(row["operation"], row["outcome"], row["calls"]) for row in sums["totals"]] == [
        ("mend", "failed", 1),
        ("sell", "ok", 3),
    ]
    assert [record.operation for record in failed.records] == ["mend"]
    assert [record["operation"] for record in found["calls"]] == ["mend"]


async def test_pages_of_sums_hold_every_row_once(client) -> None:
    await client.report_calls([replace(SOLD, token_id=str(n), operation=f"op-{n}") for n in range(7)])
    from callboard_registry_api.v1 import registry_pb2 as pb

    seen: list[str] = []
    token = ""
    while True:
        request = pb.SumCallsRequest(by=[pb.CALL_DIMENSION_OPERATION], page_size=3, page_token=token)
        page = await client._connection.call("SumCalls", request, pb.SumCallsResponse)
        seen += [row.operation for row in page.totals]
        token = page.next_page_token
        if not token:
            break

    assert seen == [f"op-{n}" for n in range(7)]


async def test_newest_first_goes_back_page_by_page(client) -> None:
    await client.report_calls([replace(SOLD, token_id=str(n)) for n in range(5)])

    first = await client.audit.calls(newest_first=True, page_size=3)
    second = await client.audit.calls(newest_first=True, page_size=3, after=first.cursor)

    assert [[one.token_id for one in page.records] for page in (first, second)] == [["4", "3", "2"], ["1", "0"]]


async def test_a_dimension_said_twice_is_refused_by_name(client) -> None:
    with pytest.raises(RegistryRefusedError) as refused:
        _ = [row async for row in client.audit.totals(by=("day", "day"))]

    assert refused.value.field == "by"


async def test_reports_from_several_processes_at_once_are_all_counted(any_database: Callable[[], str]) -> None:
    url = any_database()
    databases = [Database.open(url) for _ in range(3)]
    parts = [[replace(SOLD, token_id=f"{part}-{n}") for n in range(20)] for part in range(3)]

    await asyncio.gather(
        *(
            asyncio.to_thread(Calls(database).add, "shop", [record])
            for database, part in zip(databases, parts, strict=True)
            for record in part
        )
    )

    found = total(databases[0])
    for database in databases:
        database.close()
    assert found is not None
    assert found.calls == 60
