"""What a lock costs nobody waits for: an operation that acts on an entity against the same operation that acts on none.

Both are served by one worker and called by one workflow, in turn; what differs is the promise. The lock is taken before
the work and given back before the answer, so both ends are in the figure.
"""

import random
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from bench import in_line
from bench.place import Crew, place
from bench.progress import Progress
from bench.ratios import estimate, ratios
from bench.results import Bar, Line
from bench.rounds import Rounds, Turn, play
from bench.side import Side

MESH: Final = Crew(asker="asker", answerer="answerer")
MORE_AT_MOST: Final = Bar(60, unit="ms")
CALLS: Final = 10
FAR: Final = 10_000_000
"""Parcels among which no two errands meet by chance."""


async def measure(home: Path, *, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    """Measure the cost of a lock that exists already, and of one that has to be made first."""
    progress.say("locks: starting the server, the registry and two workers")
    async with place(home, [MESH]) as where:
        side = await Side.ready(MESH, where)
        without = partial(side.one_after_another, "settle", CALLS)

        async def of_new() -> list[float]:
            return await side.one_after_another("settle_alone", CALLS, first=random.randrange(FAR, 10 * FAR, CALLS))

        with_known: Turn = partial(side.one_after_another, "settle_alone", CALLS)
        await with_known()
        for what, turn in (("an entity", with_known), ("an entity that had no lock yet", of_new)):
            with progress.rounds(f"workflow-backed call that acts on {what}", rounds) as done:
                played = await play({"with": turn, "without": without}, rounds, after_each=done)
            where.processes.check()
            yield _line(played, what=f"workflow-backed call that acts on {what}")
        progress.say(f"locks: {in_line.WAITERS} wait for one entity")
        yield await in_line.measure(side, where, team=MESH.answerer, parcel=FAR - 1)
        where.processes.check()


def _line(rounds: Rounds, *, what: str) -> Line:
    """Return the line for what the lock adds, in milliseconds."""
    mine, other = rounds.medians["with"], rounds.medians["without"]
    each = ratios(mine, other)
    return Line(
        part="locks",
        settings="tuned",
        what=what,
        side="the lock adds",
        against="to",
        unit="ms",
        value=median(one - two for one, two in zip(mine, other, strict=True)) * 1e3,
        value_against=median(other) * 1e3,
        ratio=estimate(each),
        noise=estimate(ratios(rounds.second["without"], rounds.first["without"])),
        rounds=len(each),
        bar=MORE_AT_MOST,
        per_round=each,
    )
