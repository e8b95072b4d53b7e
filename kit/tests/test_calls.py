"""A plain Nexus call of a member carries all that a call needs, and its answer is what the contract says."""

import time

import pytest
from market import Market
from parts import SECRET
from waiting import until

from callboard_kit.search_attributes import ROOT
from callboard_kit.tokens import CHAIN_HEADER, TOKEN_HEADER


@pytest.mark.parametrize("operation", ["look", "peek", "buy"])
async def test_a_plain_call_is_signed_and_answered(market: Market, operation: str) -> None:
    report, name = await market.asked("buyer", operation)

    assert report.gift is not None, report
    assert report.gift.text.endswith("tea")
    assert (report.gift.caller, report.gift.depth, report.gift.person) == ("buyer", 1, None)
    assert report.gift.price == 9.5
    assert '"price":9.5' in await market.history("buyer", name)


async def test_what_leaves_is_in_the_history_token_time_limit_and_all(market: Market) -> None:
    _, name = await market.asked("buyer", "look")

    scheduled = await market.scheduled("buyer", name)
    assert TOKEN_HEADER in scheduled.nexus_header
    assert CHAIN_HEADER not in scheduled.nexus_header
    assert scheduled.schedule_to_close_timeout.ToSeconds() == 20
    assert scheduled.input.data == b'{"text":"tea"}'
    assert market.key("buyer").key_id not in await market.history("buyer", name)


async def test_a_tighter_time_limit_of_the_caller_s_holds_all_the_way_down(market: Market) -> None:
    before = time.time()

    report, name = await market.asked("buyer", "relay", {"text": "broker look tea"}, seconds=7)

    assert report.gift is not None, report
    assert before + 1 < report.gift.expires < time.time() + 7
    assert (await market.scheduled("buyer", name)).schedule_to_close_timeout.ToSeconds() == 7


@pytest.mark.parametrize("operation", ["look", "buy"])
async def test_a_field_that_policy_hides_does_not_arrive(market: Market, operation: str) -> None:
    report, name = await market.asked("browser", operation)

    assert report.gift is not None, report
    assert report.gift.price is None
    assert report.gift.text.endswith("tea")
    assert '"price":9.5' not in await market.history("browser", name)


async def test_what_is_hidden_from_the_caller_is_not_hidden_from_the_team_s_own_child(market: Market) -> None:
    report = await market.ask("browser", "relay", {"text": "shop look tea"})

    # The shop may not call itself: its policy does not say so.
    assert (report.error, "lets 'shop' call" in report.words) == ("RefusedError", True)


@pytest.mark.parametrize(
    ("operation", "error", "words"),
    [
        ("refuse", "RefusedError", "no tea today"),
        ("forbid", "RefusedError", "not found"),
        ("fail", "MeshError", "out of tea"),
        ("crash", "MeshError", "shop.v1 crash failed for a reason of its own; its team finds it as "),
        ("vanish", "MeshError", "shop.v1 vanish failed for a reason of its own; its team finds it as "),
        ("quit", "MeshError", "shop.v1 quit failed for a reason of its own; its team finds it as "),
        ("closed", "UnavailableError", "shop.v1 closed is not available: its team's store or server is out of reach"),
        ("huge", "MeshError", "the answer of shop.v1 huge has 22"),
    ],
)
async def test_a_failing_handler_is_an_error_of_the_vocabulary_and_nothing_more(
    market: Market, operation: str, error: str, words: str
) -> None:
    report, name = await market.asked("buyer", operation)

    assert report.error == error
    assert report.words.startswith(words)
    assert SECRET not in await market.history("buyer", name)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
async def test_an_answer_that_breaks_the_contract_names_the_place_and_not_the_value(market: Market) -> None:
    report, name = await market.asked("buyer", "wrong")

    assert report.error == "MeshError"
    assert report.words.startswith("the answer of shop.v1 wrong breaks its contract: output.text: ")
    assert SECRET not in await market.history("buyer", name)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("refuse", "RefusedError", "refused, with a reason behind it"),
        ("fail", "MeshError", "shop.v1 leak failed for a reason of its own; its team finds it in workflow shop-leak-"),
        ("answer wrongly", "MeshError", "the answer of shop.v1 leak breaks its contract: output.text: "),
        (
            "stumble",
            "MeshError",
            "shop.v1 leak failed for a reason of its own; its team finds it in workflow shop-leak-",
        ),
    ],
)
async def test_a_failing_workflow_tells_the_caller_no_more_than_a_failing_handler(
    market: Market, how: str, error: str, words: str
) -> None:
    report, name = await market.asked("buyer", "leak", {"text": how})

    assert report.error == error
    assert report.words.startswith(words)
    assert SECRET not in await market.history("buyer", name)


async def test_a_refusal_by_a_workflow_is_a_refusal(market: Market) -> None:
    report = await market.ask("buyer", "buy", {"text": "nothing"})

    assert (report.error, report.words) == ("RefusedError", "nothing cannot be bought")


async def test_what_fails_for_a_moment_is_tried_again_before_the_caller_hears_of_it(market: Market) -> None:
    report = await market.ask("buyer", "flaky", {"text": "patience"})

    assert report.gift is not None, report
    assert market.service.attempts["patience"] == 3


@pytest.mark.parametrize(
    ("operation", "outcome", "reason", "entity"),
    [
        ("look", "ok", "buyers", ""),
        ("buy", "ok", "buyers", "tea"),
        ("refuse", "refused", "no tea today", ""),
        ("crash", "failed", "shop.v1 crash failed for a reason of its own", ""),
        ("closed", "unavailable", "shop.v1 closed is not available", ""),
        ("leak", "failed", "shop.v1 leak failed for a reason of its own", "tea"),
    ],
)
async def test_every_call_leaves_a_record_of_its_start_and_of_its_end(
    market: Market, operation: str, outcome: str, reason: str, entity: str
) -> None:
    _, name = await market.asked("buyer", operation)
    described = await market.clients["buyer"].get_workflow_handle(name).describe()
    root = described.typed_search_attributes[ROOT]

    await until(lambda: len(market.told_of(root)) == 2)
    started, ended = market.told_of(root)
    assert (started.outcome, started.reason, started.duration) == ("started", "buyers", None)
    assert (ended.outcome, ended.reason[: len(reason)], ended.entity) == (outcome, reason, entity)
    assert ended.duration is not None
    assert (ended.root, ended.token_id, ended.start) == (started.root, started.token_id, started.start)
    assert started.revision == ended.revision != ""


async def test_a_run_whose_starter_has_looked_does_not_look_for_the_endpoint_again(market: Market) -> None:
    _, name = await market.asked("buyer", "look")

    history = await market.clients["buyer"].get_workflow_handle(name).fetch_history()

    assert not [event for event in history.events if event.HasField("marker_recorded_event_attributes")]


async def test_the_workflow_behind_a_call_can_be_found_by_what_it_is_about(market: Market) -> None:
    report = await market.ask("buyer", "buy", {"text": "a kettle to be found"})
    assert report.gift is not None

    query = (
        "CallboardEntity = 'a kettle to be found' AND CallboardCaller = 'buyer' AND CallboardOperation = 'shop.v1.buy'"
    )
    found = [each.typed_search_attributes async for each in market.clients["shop"].list_workflows(query)]

    assert [dict((pair.key.name, pair.value) for pair in each)["CallboardRoot"] for each in found] == [report.gift.root]
