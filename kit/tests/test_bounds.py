"""What Temporal would let nobody catch, or would not refuse at all, is an ordinary error in the caller's workflow."""

from itertools import accumulate

import pytest
from market import Market
from temporalio.api.enums.v1 import EventType

from callboard_kit.caller import MAX_IN_FLIGHT
from callboard_kit.limits import Limits
from callboard_kit.signing import MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES

_PENDING = {
    EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: 1,
    EventType.EVENT_TYPE_NEXUS_OPERATION_COMPLETED: -1,
}


async def test_an_endpoint_that_does_not_exist(market: Market) -> None:
    report = await market.ask("buyer", "look", endpoint="nowhere")

    assert report.error == "RefusedError"
    assert report.words.startswith("no Nexus endpoint 'nowhere' exists; is team 'nowhere' provisioned?")


async def test_an_endpoint_that_was_made_while_the_worker_runs(market: Market) -> None:
    await market.mesh.provision(["latecomer"])

    report = await market.ask("buyer", "look", endpoint="latecomer", seconds=1)

    # It exists, and nobody serves it.
    assert (report.error, report.words) == ("UnavailableError", "shop.v1 look gave no answer in time")


async def test_a_workflow_that_asked_too_early_finds_an_endpoint_later(market: Market) -> None:
    results = await market.ask_many("buyer", ["look", "look"], endpoint="nowhere")

    assert [error for error, _ in results] == ["RefusedError", "RefusedError"]


@pytest.mark.parametrize(
    ("operation", "service", "words"),
    [("dance", "shop.v1", "dance"), ("look", "shop.v2", "shop.v2")],
)
async def test_an_operation_or_a_service_that_nobody_serves(
    market: Market, operation: str, service: str, words: str
) -> None:
    report = await market.ask("buyer", operation, service=service, seconds=20)

    assert report.error == "RefusedError"
    assert words in report.words


async def test_an_input_that_is_too_large(market: Market) -> None:
    report = await market.ask("buyer", "look", times=MAX_PAYLOAD_BYTES)

    assert (report.error, report.words) == (
        "RefusedError",
        f"the input of shop.v1 look has {11 + 3 * MAX_PAYLOAD_BYTES} bytes; {MAX_PAYLOAD_BYTES} is the limit: "
        "pass a reference instead",
    )


async def test_headers_that_are_too_big(market: Market) -> None:
    report = await market.ask("buyer", "look", headers={"note": "x" * 8000})

    assert report.error == "RefusedError"
    assert report.words.endswith(f"{MAX_HEADER_BYTES} is the limit")


async def test_a_header_that_temporal_would_choke_on(market: Market) -> None:
    report = await market.ask("buyer", "look", headers={"note": "a\nb"})

    assert (report.error, report.words) == (
        "RefusedError",
        "a call to shop.v1 look cannot have the header 'note': no such header can travel",
    )


@pytest.mark.parametrize(
    ("input", "words"),
    [
        ({"text": 7}, "shop.v1 look cannot take this: input.text: "),
        ({"text": "tea", "count": "many"}, "shop.v1 look cannot take this: input.count: "),
        ({"count": 1}, "shop.v1 look cannot take this: input: "),
        ({"text": {"deep": [1]}}, "shop.v1 look cannot take this: input.text: "),
    ],
)
@pytest.mark.parametrize("operation", ["look", "buy"])
async def test_an_input_that_breaks_the_schema_names_the_path(
    market: Market, operation: str, input: dict[str, object], words: str
) -> None:
    report = await market.ask("buyer", operation, input)

    assert report.error == "RefusedError"
    assert report.words.startswith(words.replace("look", operation))


async def test_sixty_calls_at_once_wait_their_turn(market: Market) -> None:
    results = await market.ask_many("buyer", ["look"] * 60, name="sixty")

    assert results == [("", "")] * 60
    history = await market.clients["buyer"].get_workflow_handle("sixty").fetch_history()
    steps = [_PENDING.get(event.event_type, 0) for event in history.events]
    assert steps.count(1) == steps.count(-1) == 60
    assert max(accumulate(steps)) == MAX_IN_FLIGHT


async def test_sixty_calls_that_are_refused_give_their_turns_back(market: Market) -> None:
    refused = await market.ask_many("buyer", ["refuse"] * 60)
    nowhere = await market.ask_many("buyer", ["look"] * 60, endpoint="nowhere")

    assert {error for error, _ in refused + nowhere} == {"RefusedError"}


async def test_a_workflow_makes_no_more_calls_than_its_tree_allows(market: Market) -> None:
    results = await market.ask_many("buyer", ["look"] * 4, limits=Limits(fan_out=3))

    assert results == [("", "")] * 3 + [("RefusedError", "this workflow has made 3 calls, the limit of its tree")]


async def test_a_tree_goes_no_deeper_than_it_may(market: Market) -> None:
    async def relay(depth: int) -> list[tuple[str, str]]:
        to = {"text": "shop look tea"}
        return await market.ask_many("buyer", ["relay"], to, limits=Limits(depth=depth), endpoint="broker")

    assert await relay(2) == [("", "")]
    assert await relay(1) == [
        ("RefusedError", "calling shop.v1 look would be 2 hops deep; the limit of this tree is 1")
    ]


async def test_a_call_that_goes_in_circles_ends(market: Market) -> None:
    circle = " ".join(["broker relay"] * 10) + " shop look tea"

    report = await market.ask("buyer", "relay", {"text": circle}, endpoint="broker")

    assert (report.error, report.words) == (
        "RefusedError",
        "calling shop.v1 relay would be 7 hops deep; the limit of this tree is 6",
    )
