"""What is measured of the registry, and where each figure has to stay."""

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from bench.processes import Processes
from bench.progress import Progress
from bench.registry import echo
from bench.registry.checking import Checks, pairs
from bench.registry.clients import GET_LISTING, Clients
from bench.registry.place import fill, publish_average, registry
from bench.registry.postgresql import postgresql
from bench.registry.publishing import AT_ONCE, Commits, Publishers
from bench.results import Bar, Line, rates, times
from bench.rounds import Turn, play
from callboard_kit.ports import LOOPBACK, free_ports
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.v1 import registry_pb2 as pb

CLIENTS: Final = 50
GET_AT_LEAST: Final = Bar(0.6, at_least=True)
PUBLISH_AT_LEAST: Final = Bar(100, at_least=True, unit="/s")
CHECK_AT_MOST: Final = Bar(5, unit="ms")
SLOWEST_CHECK_AT_MOST: Final = Bar(50, unit="ms")
PAGE_AT_MOST: Final = Bar(2)

TEAMS: Final = (10, 200)


async def measure(home: Path, *, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    """Measure everything and yield each line when it is known."""
    for part in (_checks, _gets, _publishing, _pages):
        folder = home / part.__name__.strip("_")
        folder.mkdir(parents=True)
        async with aclosing(part(folder, rounds, progress)) as lines:
            async for line in lines:
                yield line


async def _checks(home: Path, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    checks = Checks(pairs())
    line = partial(times, part="registry", settings="", side="check", against="reading")
    what = "a check of compatibility"
    with progress.rounds(what, rounds) as done:
        played = await play({"check": checks.judge, "reading": checks.read}, rounds, after_each=done)
    yield line(played, what=what, bar=CHECK_AT_MOST)
    what = "one check of a hundred, the slowest"
    with progress.rounds(what, rounds) as done:
        played = await play({"check": checks.judge_slowest, "reading": checks.read_slowest}, rounds, after_each=done)
    yield line(played, what=what, bar=SLOWEST_CHECK_AT_MOST)


async def _gets(home: Path, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    progress.say("registry: starting a registry and an echo")
    async with AsyncExitStack() as stack:
        where = await stack.enter_async_context(registry(home, f"sqlite:///{home / 'registry.db'}"))
        await fill(where, 10)
        service = await publish_average(where, "average")
        async with where.administrator() as client:
            listing = await client.get_listing(service)
        request = pb.GetListingRequest(service=listing.service).SerializeToString()
        size = pb.GetListingResponse(listing=listing.to_message()).ByteSize()
        port = free_ports(1)[0]
        echoing = await stack.enter_async_context(Processes(home / "logs", {}))
        await echoing.start("echo", [sys.executable, "-m", "bench.registry.echo", str(port), str(size)])
        sides = {
            "registry": Clients(where.address, method=GET_LISTING, request=request, count=CLIENTS),
            "bare gRPC": Clients(f"{LOOPBACK}:{port}", method=echo.METHOD, request=request, count=CLIENTS),
        }
        for side in sides.values():
            await stack.enter_async_context(side)
        what = f"get of a listing, {size / 1024:.0f} KiB, {CLIENTS} clients"
        with progress.rounds(what, rounds) as done:
            played = await play(
                {name: partial(side.per_answer, 20) for name, side in sides.items()}, rounds, after_each=done
            )
        yield rates(
            played,
            part="registry",
            settings="",
            what=what,
            side="registry",
            against="bare gRPC",
            bar=GET_AT_LEAST,
        )
        what = "one get of a hundred, the slowest"
        with progress.rounds(what, rounds) as done:
            played = await play(
                {name: partial(side.slowest, 20) for name, side in sides.items()}, rounds, after_each=done
            )
        where.processes.check()
        yield times(played, part="registry", settings="", what=what, side="registry", against="bare gRPC")


async def _publishing(home: Path, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    progress.say("registry: starting PostgreSQL and a registry on it")
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(postgresql())
        commits = Commits(folder)
        stack.callback(commits.close)
        database = f"postgresql://postgres@/postgres?host={folder}"
        where = await stack.enter_async_context(registry(home, database))
        publishers = await stack.enter_async_context(await Publishers.enrolled(where))
        what = f"publish on PostgreSQL, {AT_ONCE} teams at once"
        with progress.rounds(what, rounds) as done:
            played = await play(
                {"registry": partial(publishers.publish, 5), "bare commits": partial(commits.keep, 40)},
                rounds,
                after_each=done,
            )
        where.processes.check()
        yield rates(
            played,
            part="registry",
            settings="",
            what=what,
            side="registry",
            against="bare commits",
            bar=PUBLISH_AT_LEAST,
        )


async def _pages(home: Path, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    async with AsyncExitStack() as stack:
        sides: dict[str, Turn] = {}
        for teams in TEAMS:
            progress.say(f"registry: filling one with {teams} teams")
            folder = home / str(teams)
            folder.mkdir()
            where = await stack.enter_async_context(registry(folder, f"sqlite:///{folder / 'registry.db'}"))
            await fill(where, teams)
            client = await stack.enter_async_context(where.administrator())
            sides[f"{teams} teams"] = partial(_first_pages, client, 20)
        what = "first page of the catalog"
        with progress.rounds(what, rounds) as done:
            played = await play(sides, rounds, after_each=done)
        few, many = sides
        yield times(played, part="registry", settings="", what=what, side=many, against=few, bar=PAGE_AT_MOST)


async def _first_pages(client: RegistryClient, count: int) -> Sequence[float]:
    """Return the seconds of each of `count` look-ups of the first page."""
    seconds: list[float] = []
    for _ in range(count):
        began = perf_counter()
        await client.list_listings()
        seconds.append(perf_counter() - began)
    return seconds
