"""Experiments and shadows on a real server: a kiosk in two builds, and a vault of another team."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client
from trials.kiosk_room import (
    BUILDS,
    DIARY,
    KIOSK,
    VAULT,
    Books,
    Diary,
    Kiosk,
    KioskActivities,
    KioskService,
    Order,
    SendLater,
    Sold,
    TakeMoney,
    TellPrice,
    Vault,
    VaultActivities,
    VaultService,
)

from callboard_kit import Policy, Rule, mesh
from callboard_kit.rollouts.deployment import Deployment, Routing
from callboard_kit.testing import LocalMesh
from callboard_kit.tokens import Origin
from callboard_kit.trials.assigning import Experiment
from callboard_kit.trials.following import ARM, Trials
from callboard_kit.trials.reporting import report_of
from callboard_kit.trials.serving import TRIALS
from callboard_kit.trials.shadow import REPORT, ShadowPlan, ShadowReport, begin_shadow, shadow_id
from callboard_kit.trials.standing import (
    TrialError,
    begin_experiment,
    experiment_id,
    known,
    stop,
)
from callboard_registry_api.model import CallRecord

pytestmark = pytest.mark.timeout(120)

OPEN = Policy(rules=(Rule(name="all", callers=("*",), services=("kiosk.v1", "vault.v1"), on_behalf_of=("*",)),))
PATIENCE = 60.0


class Street:
    """A kiosk in several builds, and those who buy there."""

    def __init__(self, kiosk: Client, buyer: Client, trials: Trials, books: Books) -> None:
        self.kiosk = kiosk
        self.trials = trials
        self.books = books
        self.records: list[CallRecord] = []
        self._buyer = buyer.create_nexus_client(service=Kiosk, endpoint=KIOSK)

    async def buy(self, thing: str, *, root: str = "") -> Sold:
        with mesh.starting(Origin(root=root or f"root-{uuid.uuid4()}")):
            return await self._buyer.execute_operation(Kiosk.sell, Order(thing=thing), id=f"buy-{uuid.uuid4()}")

    async def shadow(self, candidate: str, **more: object) -> None:
        now = datetime.now(UTC)
        document: dict[str, object] = {
            "id": f"s-{uuid.uuid4().hex[:6]}",
            "team": KIOSK,
            "candidate": candidate,
            "share": 100,
            "operations": ("kiosk.v1.sell",),
            "most": 2,
            "budget_usd": 1,
            "each_usd": 0.1,
            "patience": timedelta(seconds=30),
            "began": now,
            "ends": now + timedelta(minutes=5),
        }
        await begin_shadow(self.kiosk, ShadowPlan.model_validate({**document, **more}), task_queue=KIOSK)
        await self.trials.look(self.kiosk)

    async def shadowed(self) -> ShadowReport:
        async with asyncio.timeout(PATIENCE):
            handle = self.kiosk.get_workflow_handle(shadow_id(KIOSK), result_type=ShadowReport)
            return await handle.result()

    async def notes(self) -> Sequence[str]:
        return await self.kiosk.get_workflow_handle_for(Diary.run, DIARY).query(Diary.notes)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if await done():
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def kiosk(
    local_mesh: LocalMesh, name: str, books: Books, trials: Trials, street: "list[Street]"
) -> AsyncGenerator[Client]:
    async def told(records: Sequence[CallRecord]) -> None:
        for each in street:
            each.records.extend(records)

    activities = KioskActivities(books)
    async with local_mesh.member(
        KIOSK,
        build=name,
        services=[KioskService()],
        workflows=[BUILDS[name], SendLater, Diary, *TRIALS],
        activities=[activities.look, activities.send],
        policy=OPEN,
        contracts=[Kiosk, Vault],
        sinks=[told],
        sandboxed=False,
        trials=trials,
    ) as client:
        yield client


async def known_build(deployment: Deployment, name: str) -> None:
    async def seen() -> bool:
        routing = await deployment.look()
        return routing is not None and routing.build(name) is not None

    await until(seen)


@pytest.fixture(scope="module")
async def street(local_mesh: LocalMesh) -> AsyncIterator[Street]:
    await local_mesh.provision((KIOSK, VAULT, "buyer"))
    books, trials, found = Books(), Trials(KIOSK, KIOSK), list[Street]()
    vault = VaultActivities(books)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            local_mesh.member(
                VAULT,
                services=[VaultService(books)],
                workflows=[TakeMoney, TellPrice],
                activities=[vault.take, vault.count],
                policy=OPEN,
                contracts=[Vault],
                sandboxed=False,
                ordered_by_store=["vault.v1.pay_out"],
            )
        )
        clients = {
            name: await stack.enter_async_context(kiosk(local_mesh, name, books, trials, found)) for name in BUILDS
        }
        deployment = Deployment(clients["old"], KIOSK)
        for name in BUILDS:
            await known_build(deployment, name)
        await deployment.make_current("old", await deployment.look() or Routing())
        buyer = await local_mesh.client("buyer", contracts=[Kiosk])
        street = Street(clients["old"], buyer, trials, books)
        found.append(street)
        await clients["old"].start_workflow(Diary.run, id=DIARY, task_queue=KIOSK)
        sending = asyncio.create_task(trials.send(clients["old"]))
        yield street
        sending.cancel()


async def test_a_candidate_that_does_the_same_agrees_and_does_nothing(street: Street):
    before = street.books.effects()
    await street.shadow("same")
    sold = [await street.buy("comb"), await street.buy("ink")]
    report = await street.shadowed()
    after = street.books.effects()

    assert [each.paid for each in sold] == [4, 3]
    assert (report.compared, report.agreed, report.ended) == (2, 2, "all its copies were made"), report
    assert report.effects == 4
    assert tuple(now - then for now, then in zip(after, before, strict=True)) == (2, 0, 2)
    assert (await street.notes())[-2:] == ["comb", "ink"]


async def test_no_way_leads_from_a_shadow_to_an_effect(street: Street):
    before, noted = street.books.effects(), len(await street.notes())
    await street.shadow("greedy", most=1)
    sold = await street.buy("glue")
    report = await street.shadowed()
    after = street.books.effects()
    [case] = report.cases
    copied = await street.kiosk.get_workflow_handle(case.copy_id).fetch_history()
    asked = {
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in copied.events
        if event.HasField("activity_task_scheduled_event_attributes")
    }

    assert sold == Sold(thing="glue", paid=4)
    assert tuple(now - then for now, then in zip(after, before, strict=True)) == (1, 0, 1)
    assert (await street.notes())[noted:] == ["glue"]
    assert (report.compared, report.agreed) == (1, 0)
    assert {"/answer/paid"} <= {each.pointer for each in case.differences}
    assert any(each.pointer.startswith("/effects/") for each in case.differences)
    assert case.effects >= 5
    assert not any("take" in each or "lock" in each for each in asked)


async def test_a_copy_is_nobodys_call(street: Street):
    await street.shadow("same", most=1)
    await street.buy("pen")
    await street.shadowed()
    copies = [run async for run in street.kiosk.list_workflows("WorkflowType = 'Sell'") if "-shadow-" in run.id]

    assert copies
    assert not any(run.search_attributes.get("CallboardRoot") for run in copies)
    assert not any(record.root.startswith("shadow-") for record in street.records)


async def test_a_shadow_spends_no_more_than_it_may(street: Street):
    await street.shadow("same", most=5, budget_usd=0.05, each_usd=0.1)
    await street.buy("pin")
    report = await street.shadowed()

    assert (report.made, report.ended) == (0, "its budget was used up")


async def test_a_shadow_that_is_stopped_copies_nothing_more(street: Street):
    await street.shadow("same")
    handle = street.kiosk.get_workflow_handle(shadow_id(KIOSK))
    running: ShadowReport = await handle.query(REPORT, result_type=ShadowReport)
    with pytest.raises(TrialError, match="has a shadow already"):
        await street.shadow("same")
    await stop(street.kiosk, shadow_id(KIOSK), "shadow")
    await street.trials.look(street.kiosk)

    assert running.ended == ""
    assert street.trials.shadow is None
    assert (await street.shadowed()).ended == "it was stopped"
    with pytest.raises(TrialError, match="no shadow in force"):
        await stop(street.kiosk, shadow_id(KIOSK), "shadow")


async def test_an_experiment_keeps_each_tree_with_its_build_and_tells_by_its_records(street: Street):
    now = datetime.now(UTC)
    experiment = Experiment(
        id="e-1",
        team=KIOSK,
        a="old",
        b="same",
        share=40,
        operations=("kiosk.v1.sell",),
        began=now,
        ends=now + timedelta(minutes=5),
    )
    await begin_experiment(street.kiosk, experiment, task_queue=KIOSK)
    await street.trials.look(street.kiosk)
    trees = [f"tree-{each}" for each in range(40)]
    roots = [[each for each in trees if experiment.arm(each) == arm][place] for arm in ("a", "b") for place in (0, 1)]
    again = roots[1:3]
    street.records.clear()
    await asyncio.gather(*(street.buy(f"thing-{each}", root=root) for each, root in enumerate([*roots, *again])))
    ran: dict[str, set[str]] = {root: set() for root in roots}
    memos: set[str] = set()

    async def all_seen() -> bool:
        async for run in street.kiosk.list_workflows("WorkflowType = 'Sell' AND ExecutionStatus = 'Completed'"):
            [root] = run.search_attributes.get("CallboardRoot", ["?"])
            if str(root) in ran:
                [version] = run.search_attributes.get("TemporalWorkerDeploymentVersion", ["?"])
                ran[str(root)].add(str(version).partition(":")[2])
                memos.add(await run.memo_value(ARM))
        return all(ran.values()) and len(street.records) >= 2 * len([*roots, *again])

    await until(all_seen)
    await stop(street.kiosk, experiment_id(KIOSK), "experiment")
    await street.trials.look(street.kiosk)
    records = [each for each in street.records if each.root in ran]
    report = report_of(experiment, records)

    assert ran == {root: {experiment.build(experiment.arm(root))} for root in roots}
    assert memos == {"e-1/a", "e-1/b"}
    assert street.trials.experiment is None
    assert (report.a.units + report.b.units, report.calls, report.misplaced) == (4, 6, 0)

    async def is_listed_as_ended() -> bool:
        listed = known(street.kiosk, experiment_id(KIOSK), Experiment)
        return [each.id async for each, ended in listed if ended] == ["e-1"]

    await until(is_listed_as_ended)
