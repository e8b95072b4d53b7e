"""Whatever ten calls run into, the eleventh of the same caller to the same endpoint is answered at once.

Temporal keeps a circuit breaker for each caller's namespace and endpoint. Once it is open a good call waits for 5 s on
the tuned server and for a minute on one as it is shipped; so the bound below tells the two apart on any machine.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from statistics import median

import pytest
from market import Market

from callboard_kit.testing import LocalMesh

FLOOR = 2.0
"""Seconds that a good call may take on a machine with much else to do, where an open circuit costs more."""

KINDS = {
    "exceptions": ("buyer", ["crash"], None, "MeshError"),
    "hangs": ("buyer", ["hang", "hang_on", "block"], None, "UnavailableError"),
    "refusals": ("buyer", ["refuse", "forbid"], None, "RefusedError"),
    "inputs that break the schema": ("buyer", ["look", "buy"], {"text": 7}, "RefusedError"),
    "refusals by policy": ("browser", ["peek"], None, "RefusedError"),
    "a store that is away": ("buyer", ["closed"], None, "UnavailableError"),
    "exits and cancellations": ("buyer", ["quit", "vanish"], None, "MeshError"),
    "answers that break the contract": ("buyer", ["wrong", "huge"], None, "MeshError"),
    "failing workflows": ("buyer", ["leak"], None, "MeshError"),
}


@pytest.fixture(scope="module")
async def market_as_shipped() -> AsyncGenerator[Market]:
    """The market on a server with Temporal's own settings."""
    teams = ("shop", "buyer", "browser")
    async with LocalMesh.running(teams, tuned=False) as mesh, Market.open(mesh, teams=teams, robbers=()) as market:
        yield market


async def good_call(market: Market, caller: str) -> float:
    began = time.monotonic()
    report = await market.ask(caller, "look")
    assert report.gift is not None, report
    return time.monotonic() - began


async def ten_of_each(
    market: Market, caller: str, operations: Sequence[str], input: Mapping[str, object] | None
) -> set[str]:
    """Make ten calls of each operation at once; returns the errors they ended with."""
    answers = await asyncio.gather(*(market.ask_many(caller, [operation] * 10, input) for operation in operations))
    return {error for answer in answers for error, _ in answer}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
async def test_after_ten_of_a_kind_a_good_call_is_answered_at_once(market: Market, kind: str) -> None:
    caller, operations, input, error = KINDS[kind]
    usual = median([await good_call(market, caller) for _ in range(3)])

    assert await ten_of_each(market, caller, operations, input) == {error}

    assert await good_call(market, caller) < max(FLOOR, 5 * usual)


@pytest.mark.parametrize("kind", list(KINDS)[:5])
async def test_the_same_holds_on_a_server_as_it_is_shipped(market_as_shipped: Market, kind: str) -> None:
    await test_after_ten_of_a_kind_a_good_call_is_answered_at_once(market_as_shipped, kind)


async def test_after_ten_calls_without_a_token_a_good_call_is_answered_at_once(market: Market) -> None:
    usual = median([await good_call(market, "buyer") for _ in range(3)])

    reports = await asyncio.gather(*(market.rob("buyer", lambda _: {}) for _ in range(10)))

    assert {report.error for report in reports} == {"HandlerError"}
    assert await good_call(market, "buyer") < max(FLOOR, 5 * usual)
