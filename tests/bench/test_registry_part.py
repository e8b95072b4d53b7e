"""The parts that measure the registry, in their quickest form."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.processes import Processes
from bench.progress import Progress
from bench.registry import echo, measures
from bench.registry.checking import pairs
from bench.registry.clients import Clients
from bench.results import Bar, Line, rates
from bench.rounds import Rounds
from callboard_kit.ports import LOOPBACK, free_ports


def test_a_bar_with_a_unit_is_for_the_figure_and_one_without_for_the_ratio() -> None:
    rounds = Rounds(medians={"registry": [0.005], "bare": [0.001]}, first={"bare": [0.001]}, second={"bare": [0.001]})
    about = {"part": "registry", "settings": "", "what": "publish", "side": "registry", "against": "bare"}

    by_value = rates(rounds, **about, bar=Bar(100, at_least=True, unit="/s"))
    by_ratio = rates(rounds, **about, bar=Bar(0.6, at_least=True))

    assert (by_value.value, by_value.verdict, str(by_value.bar)) == (200, "holds", "≥ 100 /s")
    assert (by_ratio.ratio.value, by_ratio.verdict) == (pytest.approx(0.2), "misses")


@pytest.fixture
async def echoing(tmp_path: Path) -> AsyncIterator[str]:
    """A bare server that answers a hundred bytes."""
    [port] = free_ports(1)
    async with Processes(tmp_path, {}) as processes:
        await processes.start("echo", [sys.executable, "-m", "bench.registry.echo", str(port), "100"])
        yield f"{LOOPBACK}:{port}"


async def test_every_client_gets_as_many_answers_as_it_asks_for(echoing: str) -> None:
    async with Clients(echoing, method=echo.METHOD, request=b"?", count=3) as clients:
        taken = await clients.ask(4)
        [slowest] = await clients.slowest(40)

    assert len(taken) == 12
    assert all(seconds > 0 for seconds in (*taken, slowest))


async def test_checks_are_measured_in_the_middle_and_at_the_slow_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = pairs()[:5]
    monkeypatch.setattr(measures, "pairs", lambda: few)

    lines: list[Line] = [line async for line in measures._checks(tmp_path, 1, Progress())]

    assert [(line.what, str(line.bar)) for line in lines] == [
        ("a check of compatibility", "≤ 5 ms"),
        ("one check of a hundred, the slowest", "≤ 50 ms"),
    ]
