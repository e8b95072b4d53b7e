"""What a listing's state means for whoever calls it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from market import Market
from waiting import until

from callboard_kit.standing import Standing

YEARS_END = datetime(2026, 12, 31, 12, tzinfo=UTC)


@pytest.fixture
def standing(market: Market) -> Iterator[Market]:
    """The market, which tells of every state that a test gives the shop, until its end."""
    yield market
    market.mesh.tell_standing("shop.v1", Standing("approved"))


@pytest.mark.parametrize("state", ["draft", "pending", "approved"])
@pytest.mark.parametrize("operation", ["look", "buy"])
async def test_what_is_offered_answers_and_nothing_is_noted(standing: Market, operation: str, state: str) -> None:
    standing.mesh.tell_standing("shop.v1", Standing(state))

    assert (await standing.ask("buyer", operation)).gift is not None


@pytest.mark.parametrize("operation", ["look", "buy"])
async def test_what_is_deprecated_answers_and_the_record_says_so(standing: Market, operation: str) -> None:
    standing.mesh.tell_standing("shop.v1", Standing("deprecated", sunset=YEARS_END, successor="shop.v2"))
    before = len(standing.records)

    report = await standing.ask("buyer", operation)

    assert report.gift is not None, report
    words = "; shop.v1 is deprecated and answers until 2026-12-31; call shop.v2 instead"
    await until(lambda: sum(each.reason.endswith(words) for each in standing.records[before:]) == 2)
    noted = [each for each in standing.records[before:] if each.reason.endswith(words)]
    assert [each.outcome for each in noted] == ["started", "ok"]


@pytest.mark.parametrize("operation", ["look", "buy"])
async def test_a_caller_reads_in_its_own_log_once_that_it_should_move_on(
    standing: Market, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    successor = f"shop.v2-for-{operation}"
    standing.mesh.tell_standing("shop.v1", Standing("deprecated", successor=successor))

    for _ in range(2):
        await standing.ask("buyer", operation)

    lines = [each.message for each in caplog.records if each.name == "callboard_kit.outlook"]
    assert lines == [f"shop.v1 {operation} is called, and shop.v1 is deprecated; call {successor} instead"]


@pytest.mark.parametrize("operation", ["look", "buy"])
@pytest.mark.parametrize("state", ["retired", "revoked"])
async def test_what_is_gone_is_refused_with_its_successor_s_name(standing: Market, state: str, operation: str) -> None:
    standing.mesh.tell_standing("shop.v1", Standing(state, successor="shop.v2"))
    before = len(standing.records)

    report = await standing.ask("buyer", operation)

    words = f"shop.v1 was {state} and does not answer any more; call shop.v2 instead"
    assert (report.error, report.words) == ("RefusedError", words)
    await until(lambda: any(each.outcome == "refused" for each in standing.records[before:]))
    # Records of calls before this one may still come in.
    assert [each.outcome for each in standing.records[before:] if each.reason == words] == ["refused"]


async def test_who_may_not_call_is_not_told_where_to_call_instead(standing: Market) -> None:
    standing.mesh.tell_standing("shop.v1", Standing("retired", successor="shop.v2"))

    report = await standing.ask("shop", "look")

    assert (report.error, "shop.v2" in report.words) == ("RefusedError", False)
