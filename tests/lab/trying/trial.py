"""One mesh in one process: a desk in several builds, one of which fails at times and one of which speaks otherwise."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client

from callboard_contracts import Goal, MeshError
from callboard_kit import Policy, Rule, mesh
from callboard_kit.rollouts.deployment import Deployment, Routing
from callboard_kit.testing import LocalMesh
from callboard_kit.tokens import Origin
from callboard_kit.trials.assigning import Experiment
from callboard_kit.trials.following import Trials
from callboard_kit.trials.reporting import ExperimentReport, report_of
from callboard_kit.trials.serving import TRIALS
from callboard_kit.trials.shadow import ShadowPlan, ShadowReport, begin_shadow, shadow_id
from callboard_kit.trials.standing import begin_experiment, experiment_id, stop
from callboard_registry_api.model import CallRecord
from tests.lab.rolling import desk

OPEN: Final = Policy(rules=(Rule(name="all", callers=("*",), services=("desk.v1",), on_behalf_of=("*",)),))
OPERATION: Final = "desk.v1.assist"
PATIENCE: Final = 120.0
AT_ONCE: Final = 8


@dataclass
class Desks:
    """The desk's builds, and a shop that asks them."""

    client: Client
    shop: Client
    trials: Trials
    records: list[CallRecord]

    async def experiment(self, roots: int, *, share: float) -> ExperimentReport:
        """Give `bad` a share of so many roots, each of which asks twice, and return what the records say."""
        now = datetime.now(UTC)
        experiment = Experiment(
            id=f"e-{uuid.uuid4().hex[:6]}",
            team=desk.TEAM,
            a="old",
            b="bad",
            share=share,
            operations=(OPERATION,),
            began=now,
            ends=now + timedelta(hours=1),
        )
        await begin_experiment(self.client, experiment, task_queue=desk.TEAM)
        await self.trials.look(self.client)
        names = [f"tree-{each}" for each in range(roots)]
        await self._ask([each for each in names for _ in range(2)])
        await stop(self.client, experiment_id(desk.TEAM), "experiment")
        await self.trials.look(self.client)
        async with asyncio.timeout(PATIENCE):
            while (report := report_of(experiment, self.records)).calls < 2 * roots:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.2)
        return report

    async def shadow(self, calls: int, *, candidate: str) -> ShadowReport:
        """Have a candidate do so many calls as well, and return how far it agrees."""
        now = datetime.now(UTC)
        plan = ShadowPlan(
            id=f"s-{uuid.uuid4().hex[:6]}",
            team=desk.TEAM,
            candidate=candidate,
            share=100,
            operations=(OPERATION,),
            most=calls,
            budget_usd=calls,
            each_usd=0.1,
            patience=timedelta(seconds=PATIENCE),
            began=now,
            ends=now + timedelta(hours=1),
        )
        await begin_shadow(self.client, plan, task_queue=desk.TEAM)
        await self.trials.look(self.client)
        asking = asyncio.create_task(self._ask([f"copied-{each}" for each in range(calls)]))
        handle = self.client.get_workflow_handle(shadow_id(desk.TEAM), result_type=ShadowReport)
        async with asyncio.timeout(PATIENCE * 2):
            await asking
            return await handle.result()

    async def _ask(self, roots: Sequence[str]) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        client = self.shop.create_nexus_client(service=desk.Desk, endpoint=desk.TEAM)

        async def one(root: str) -> None:
            async with turns:
                # The bad build fails some; its records say so.
                with mesh.starting(Origin(root=root)), suppress(MeshError):
                    await client.execute_operation(desk.Desk.assist, Goal(goal=desk.QUICK), id=f"ask-{uuid.uuid4()}")

        await asyncio.gather(*(one(each) for each in roots))


@asynccontextmanager
async def desks(*builds: str) -> AsyncGenerator[Desks]:
    """Run a worker of each build, the first of which serves, until the block ends."""
    trials, records = Trials(desk.TEAM, desk.TEAM), list[CallRecord]()

    async def told(some: Sequence[CallRecord]) -> None:
        records.extend(some)

    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(LocalMesh.running((desk.TEAM, "shop")))
        tripping = desk.Tripping()
        clients = [
            await stack.enter_async_context(
                local.member(
                    desk.TEAM,
                    build=each,
                    services=[desk.DeskService()],
                    workflows=[desk.BUILDS[each], *TRIALS],
                    activities=[desk.model, desk.send, tripping.trips],
                    policy=OPEN,
                    contracts=[desk.Desk],
                    sinks=[told],
                    sandboxed=False,
                    trials=trials,
                )
            )
            for each in builds
        ]
        client, deployment = clients[0], Deployment(clients[0], desk.TEAM)
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = await deployment.look() or Routing()
                if len(seen.builds) == len(builds):
                    break
                await asyncio.sleep(0.1)
        await deployment.make_current(builds[0], seen)
        sending = asyncio.create_task(trials.send(client))
        try:
            yield Desks(client, await local.client("shop", contracts=[desk.Desk]), trials, records)
        finally:
            sending.cancel()
