"""One trial: a server, three worker processes, agents that change the same few records, and somebody who kills."""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from temporalio.client import Client

from callboard_kit.entities.lock import LOCK
from callboard_kit.entities.viewing import locks_of
from callboard_kit.testing import LocalMesh
from tests.lab.contention.agents import Agent, Errand, Errands, Told
from tests.lab.contention.house import ASKERS, TEAMS, Change
from tests.lab.contention.serial import Books
from tests.lab.housing import House

PROCESSES: Final = (*TEAMS, "agents")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is done, and how roughly."""

    agents: int = 50
    changes: int = 1000
    records: int = 20
    """Orders; there are as many balances."""

    from_balance: float = 0.15
    """The share of changes that begin at the balance: those and the others can wait for each other in a circle."""

    pause: tuple[float, float] | None = (10.0, 20.0)
    """Seconds between two kills. None: nobody is killed."""

    locks: bool = True
    seed: int = 20261122
    patience: float = 1500


@dataclass
class Findings:
    """What a trial came to."""

    plan: Plan
    changes: list[Change] = field(default_factory=list)
    seconds: float = 0
    kills: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    lost_updates: list[str] = field(default_factory=list)
    torn: set[str] = field(default_factory=set)
    """Changes of which one asking did a half, and a later one the other."""

    faults: list[str] = field(default_factory=list)
    """Why no serial order leads to the records."""

    standing: list[str] = field(default_factory=list)
    """Locks that somebody holds or waits for when all is done."""

    def document(self) -> dict[str, object]:
        """Return the figures for a file."""
        return {
            **asdict(self.plan),
            "seconds": round(self.seconds, 1),
            "kills": dict(self.kills),
            "told_and_asked_again": dict(self.told),
            "torn_changes": len(self.torn),
            "lost_updates": len(self.lost_updates),
            "serial_faults": self.faults[:20],
            "locks_standing": self.standing,
        }


async def run(folder: Path, plan: Plan, *, say: Callable[[str], None] = lambda _: None) -> Findings:
    """Run one trial in a folder of its own."""
    findings = Findings(plan)
    draw = random.Random(plan.seed)
    async with LocalMesh.running(teams=(*TEAMS, *ASKERS)) as mesh:
        _furnish(folder, mesh)
        async with _house(folder, locks=plan.locks) as house:
            work = _errands(plan, draw, findings)
            began = time.monotonic()
            killing = asyncio.create_task(_kill(house, plan, draw, findings, say))
            try:
                async with asyncio.timeout(plan.patience):
                    for told in await asyncio.gather(*(_send(mesh, errands) for errands in work)):
                        findings.told.update(told.told)
            finally:
                killing.cancel()
                await asyncio.gather(killing, return_exceptions=True)
            findings.seconds = time.monotonic() - began
            await house.revive()
            findings.standing = await _standing(mesh)
        books = Books.read(folder)
        findings.lost_updates = books.lost_updates()
        findings.torn = books.torn()
        findings.faults = list(books.serial_faults(findings.changes))
    return findings


@asynccontextmanager
async def _house(folder: Path, *, locks: bool) -> AsyncGenerator[House]:
    switch = "on" if locks else "off"
    house = House(
        folder,
        {name: (sys.executable, "-m", "tests.lab.contention.worker", name, str(folder)) for name in PROCESSES},
        environment={"CALLBOARD_LOCKS": switch, "CALLBOARD_PROFILE": "dev", "CALLBOARD_HOME": str(folder)},
    )
    try:
        for name in PROCESSES:
            await house.start(name)
        yield house
    finally:
        await house.close()


def _furnish(folder: Path, mesh: LocalMesh) -> None:
    for team, key in mesh.keys.items():
        key.save(folder / "keys" / f"{team}.pem")
    place = {"address": mesh.address, "teams": list(mesh.keys)}
    (folder / "place.json").write_text(json.dumps(place), encoding="utf-8")


def _errands(plan: Plan, draw: random.Random, findings: Findings) -> list[Errands]:
    work: list[Errands] = []
    for number in range(plan.agents):
        name = f"{ASKERS[number % len(ASKERS)]}-{number}"
        mine = [
            Errand(
                change=Change(
                    name=f"{name}-{place}",
                    order_id=f"#W{draw.randrange(plan.records)}",
                    balance_id=f"card_{draw.randrange(plan.records)}",
                    amount=draw.randrange(1, 100),
                ),
                from_balance=draw.random() < plan.from_balance,
            )
            for place in range(plan.changes // plan.agents)
        ]
        findings.changes.extend(errand.change for errand in mine)
        work.append(Errands(name=name, errands=tuple(mine)))
    return work


async def _send(mesh: LocalMesh, errands: Errands) -> Told:
    team = errands.name.partition("-")[0]
    client = await mesh.client(team)
    return await client.execute_workflow(Agent.run, errands, id=f"agent-{errands.name}", task_queue=team)


async def _kill(house: House, plan: Plan, draw: random.Random, findings: Findings, say: Callable[[str], None]) -> None:
    while plan.pause is not None:
        await asyncio.sleep(draw.uniform(*plan.pause))
        name = draw.choice(PROCESSES)
        # Somebody who kills what has hardly come back shows nothing but that.
        await house.ready(name)
        await house.kill(name)
        findings.kills[name] += 1
        say(f"killed {name}")


async def _standing(mesh: LocalMesh) -> list[str]:
    """Return what is still locked; whoever was killed while it held something gets its time to be found out."""
    async with asyncio.timeout(150):
        while found := [each for team in TEAMS for each in await _locked(await mesh.client(team), team)]:
            runs = [each async for each in (await mesh.client(TEAMS[0])).list_workflows(_WORK)]
            runs += [each async for each in (await mesh.client(TEAMS[1])).list_workflows(_WORK)]
            if not runs:
                return found
            await asyncio.sleep(1)
    return []


_WORK: Final = f"ExecutionStatus = 'Running' and WorkflowType != '{LOCK}'"


async def _locked(client: Client, team: str) -> list[str]:
    return [f"{team} {each.shown}" for each in await locks_of(client, team)]
