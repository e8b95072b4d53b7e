"""What the plugin costs: a call of the mesh against the same call on bare Temporal.

Both sides live on one server and share nothing else: namespaces, endpoints and worker processes of their own. The mesh
side is complete: keys, policy and listing in a registry, call records to registry and Valkey while it is measured.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench.place import Crew, place
from bench.progress import Progress
from bench.results import Bar, Line, rates, times
from bench.rounds import Turn, play
from bench.side import Side

BARE: Final = Crew(asker="bareasker", answerer="bareanswerer", bare=True)
MESH: Final = Crew(asker="asker", answerer="answerer")

SLOWER_AT_MOST: Final = Bar(1.2)
THROUGHPUT_AT_LEAST: Final = Bar(0.8, at_least=True)
IN_FLIGHT: Final = 20


@dataclass(frozen=True)
class Measure:
    """One thing that both sides do."""

    what: str
    turn: Callable[[Side], Turn]
    line: Callable[..., Line] = times
    bar: Bar | None = SLOWER_AT_MOST
    on_defaults: bool = True
    """Whether Temporal's default settings, on which everything takes several times as long, are worth the wait."""


MEASURES: Final[Sequence[Measure]] = (
    Measure("sync call", lambda side: partial(side.one_after_another, "look", 20)),
    Measure("workflow-backed call", lambda side: partial(side.one_after_another, "settle", 10)),
    Measure(
        f"sync calls, {IN_FLIGHT} in flight",
        lambda side: partial(side.in_flight, "look", IN_FLIGHT, 5),
        rates,
        THROUGHPUT_AT_LEAST,
    ),
    Measure(
        f"workflow-backed calls, {IN_FLIGHT} in flight",
        lambda side: partial(side.in_flight, "settle", IN_FLIGHT, 2),
        rates,
        THROUGHPUT_AT_LEAST,
    ),
    # Not judged: what the machine does for a call, whoever waits for it. Other people's work moves it least.
    Measure(
        "processor time per sync call",
        lambda side: partial(side.processor_time, "look", 40),
        bar=None,
        on_defaults=False,
    ),
    # Not judged: here the plugin also asks once whether the endpoint exists, which no call without a check can match.
    Measure(
        "new workflow with one sync call",
        lambda side: partial(side.from_scratch, "look", 8),
        bar=None,
        on_defaults=False,
    ),
)


async def measure(home: Path, *, tuned: bool, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    """Measure everything on one server with these settings of Temporal, and yield each line when it is known."""
    settings = "tuned" if tuned else "default"
    progress.say(f"plugin, {settings} settings: starting the server, the registry and four workers")
    async with place(home, [BARE, MESH], tuned=tuned) as where:
        sides = {"bare": await Side.ready(BARE, where), "mesh": await Side.ready(MESH, where)}
        for each in (each for each in MEASURES if tuned or each.on_defaults):
            with progress.rounds(f"{each.what}, {settings} settings", rounds) as done:
                played = await play({name: each.turn(side) for name, side in sides.items()}, rounds, after_each=done)
            where.processes.check()
            yield each.line(
                played,
                part="plugin",
                settings=settings,
                what=each.what,
                side="mesh",
                against="bare",
                # The bars are for the stack as it is shipped; Temporal's defaults are shown beside it.
                bar=each.bar if tuned else None,
            )
