"""What a listing's state means for whoever calls it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from market import Market
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
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
    await until(lambda: any(each.reason.endswith(words) for each in standing.records[before:]))
    assert [each.outcome for each in standing.records[before:] if each.reason.endswith(words)] == ["started"]


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


def test_the_span_of_a_call_to_what_is_deprecated_carries_an_event() -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))

    for state in ("deprecated", "approved"):
        with provider.get_tracer("test").start_as_current_span(state):
            Standing(state, successor="shop.v2").warn("shop.v1")

    found = {
        span.name: [(each.name, dict(each.attributes or {})) for each in span.events]
        for span in spans.get_finished_spans()
    }
    attributes = {
        "callboard.service": "shop.v1",
        "callboard.successor": "shop.v2",
        "message": "shop.v1 is deprecated; call shop.v2 instead",
    }
    assert found == {"deprecated": [("callboard.deprecated", attributes)], "approved": []}
