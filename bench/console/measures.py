"""How long each page takes, as a reader's browser waits for it, and how large it is."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Final

import httpx

from bench.console.filling import Filled, fill_calls
from bench.processes import BenchError
from bench.progress import Progress
from bench.ratios import Estimate
from bench.registry.place import fill, registry
from bench.results import Bar, Line, times
from bench.rounds import play
from callboard_registry.console.analytics import QUESTIONS
from callboard_registry.database import Database

TEAMS: Final = 200
RECORDS: Final = 100_000
LOADS: Final = 20
"""Of one page in one turn; the slowest but one of them counts."""

SLOWEST_AT_MOST: Final = Bar(150, unit="ms")
MAP_AT_MOST: Final = Bar(1000, unit="ms")
SIZE_AT_MOST: Final = Bar(300, unit="kB")

MAP: Final = "map of all teams"


def pages(filled: Filled) -> Mapping[str, str]:
    """Return the address of each page that is measured."""
    return {
        "catalog": "/catalog",
        "catalog, searched": "/catalog?q=refund+payment",
        "catalog, one team": f"/catalog?team={filled.team}",
        "service": f"/services/{filled.team}.v1",
        MAP: "/map?window=month",
        "map of one team": f"/map?window=month&team={filled.team}",
        "runs": "/runs",
        "runs that touched an order": f"/runs?entity={filled.entity.replace('#', '%23')}",
        "runs of a team": f"/runs?team={filled.team}",
        "runs that cost": "/runs?cost=0.01",
        "run": f"/runs/{filled.root}",
        **{f"analytics, {show}": f"/analytics?show={show}&window=month" for show in QUESTIONS},
    }


async def measure(home: Path, *, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    """Fill a registry and yield two lines for each page: its time and its size."""
    await asyncio.to_thread(home.mkdir, parents=True)
    progress.say(f"console: filling a registry with {TEAMS} teams and {RECORDS} call records")
    url = f"sqlite:///{home / 'registry.db'}"
    async with registry(home, url) as where:
        await fill(where, TEAMS)
        filled = await asyncio.to_thread(_fill, url)
        async with httpx.AsyncClient(base_url=where.web, timeout=60) as browser:
            await _sign_in(browser, where.token)
            sizes: dict[str, int] = {}
            for what, address in pages(filled).items():
                sizes[what] = await _size(browser, address)
                with progress.rounds(what, rounds) as done:
                    played = await play(
                        {"page": _slowest(browser, address), "health check": _slowest(browser, "/healthz")},
                        rounds,
                        after_each=done,
                    )
                bar = MAP_AT_MOST if what == MAP else SLOWEST_AT_MOST
                yield times(
                    played, part="console", settings="", what=what, side="page", against="health check", bar=bar
                )
                yield _size_line(what, sizes[what])
        where.processes.check()


def _fill(url: str) -> Filled:
    database = Database.open(url)
    try:
        return fill_calls(database, TEAMS, RECORDS)
    finally:
        database.close()


async def _sign_in(browser: httpx.AsyncClient, token: str) -> None:
    whom = {"name": "bench@example.com", "granted": {"may": ["administrator"]}}
    bearer = {"authorization": f"Bearer {token}"}
    link = (await browser.post("/v1/signin-links", json=whom, headers=bearer)).raise_for_status().json()["path"]
    answer = await browser.post(link)
    if answer.status_code != 303:
        raise BenchError(f"signing in was answered {answer.status_code}")


async def _size(browser: httpx.AsyncClient, address: str) -> int:
    answer = await browser.get(address)
    if answer.status_code != 200:
        raise BenchError(f"{address} answered {answer.status_code}")
    return len(answer.content)


def _slowest(browser: httpx.AsyncClient, address: str):
    async def turn() -> Sequence[float]:
        """Return the 95th percentile of the seconds of some loads, as one number."""
        seconds: list[float] = []
        for _ in range(LOADS):
            began = time.perf_counter()
            await browser.get(address)
            seconds.append(time.perf_counter() - began)
        return [quantiles(seconds, n=20)[18]]

    return turn


def _size_line(what: str, size: int) -> Line:
    one = Estimate(1, 1, 1)
    kilobytes = size / 1000
    return Line(
        part="console",
        settings="",
        what=f"{what}, size",
        side="page",
        against="page",
        unit="kB",
        value=kilobytes,
        value_against=kilobytes,
        ratio=one,
        noise=one,
        rounds=1,
        bar=SIZE_AT_MOST,
    )
