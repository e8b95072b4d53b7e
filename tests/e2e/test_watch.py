"""The ambient agent on the whole mesh: its real schedule, an approval below the threshold, and a pause."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callboard.command import run_command
from callboard.command.surroundings import join_only
from callboard_contracts import RefusedError
from callboard_kit.ambient import Report, WatchPolicy, WatchSchedule
from tests.playing.approving import Approver, approver
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)

TASKS = own()
USER, METHOD = next(
    (user["user_id"], method) for user in TASKS.records["users"].values() for method in user["payment_methods"]
)
POLICY = WatchPolicy.model_validate({"thresholds": {"raise_case": 0.75}, "rest": 0})


@pytest.fixture
async def person(stage: Stage) -> AsyncIterator[Approver]:
    await stage.fill(TASKS)
    await stage.rehearse(thinks("refunds", "raise_case", 0.6), thinks("stock", "none", 0.9))
    async with approver(stage) as each:
        yield each


@pytest.fixture
async def watch(stage: Stage) -> AsyncIterator[WatchSchedule]:
    schedule = WatchSchedule(await stage.client("orchestrator"), "orchestrator")
    yield schedule
    await schedule.stop()


def thinks(kind: str, remedy: str, confidence: float) -> Mapping[str, Any]:
    """Return a script for the analysis of a kind of finding."""
    said = {"explanation": f"Somebody should look at the {kind}.", "remedy": remedy, "confidence": confidence}
    return {"id": f"watch-{kind}", "match": f"A finding of kind {kind}.", "steps": [{"content": json.dumps(said)}]}


async def test_it_wakes_by_its_schedule_asks_below_its_threshold_and_sleeps_while_it_is_paused(
    stage: Stage, person: Approver, watch: WatchSchedule, capsys: pytest.CaptureFixture[str]
):
    join_only(stage.environment)
    for number in (1, 2):
        await stage.call("orders", "billing.v1", "refund", refund(600.0, key=f"watched-{os.getpid()}-{number}"))

    await watch.start(every=timedelta(seconds=2), now=datetime.now(UTC), policy=POLICY)
    [asked] = await asked_by_watch(person)
    before = stage.books.effects()
    await person.inbox.answer(asked.gate, person.credential, approve=True, reason="it is odd")
    await until(lambda: has_reported(watch, lambda report: bool(report.settled)), within=60)
    await watch.pause("for the night")
    await until(lambda: sleeps(watch), within=60)
    reports = await all_reports(watch)

    news = [(each.finding.kind, each.decision) for report in reports for each in report.new if each.remedy]
    assert news == [("refunds", "asked")]
    assert f"customer {USER} got $1200.00 back in 2 refunds" in asked.question.words
    assert asked.question.rule == "below-threshold"
    assert asked.question.reason == "the confidence is 0.60, the threshold of raise_case 0.75"
    assert "handed over" not in before
    [summary] = stage.books.effects()["handed over"]
    assert summary.startswith(f"The watch found: customer {USER} got $1200.00 back in 2 refunds within 24 h.")
    assert [each.outcome for report in reports for each in report.settled] == ["applied"]

    with pytest.raises(RefusedError, match=r"orchestrator-watch is paused \(for the night\); resume it first"):
        await wake(stage)
    shown = json.loads(await command(capsys, "watch", "status", "--json"))
    told = await command(capsys, "watch", "report", "--news", "--last", "100")
    assert (shown["paused"], shown["next"], shown["wakes"], shown["remedies"]) == (True, None, len(reports), [])
    assert f"  new      customer {USER} got $1200.00 back in 2 refunds within 24 h\n           raise_case asked" in told
    assert ", applied: Transfer successful\n           Somebody should look at the refunds.\n" in told

    # Resumed with a rhythm of hours, it wakes when something happens, and what it told it does not tell again.
    await watch.start(every=timedelta(hours=6), now=datetime.now(UTC), policy=POLICY)
    await watch.resume("good morning")
    await wake(stage)
    await until(lambda: has_reported(watch, lambda report: report.wake == len(reports) + 1), within=60)
    [latest] = json.loads(await command(capsys, "watch", "report", "--last", "1", "--json"))
    assert (latest["report"]["new"], latest["report"]["seen"]["refunds"]) == ([], 1)


async def wake(stage: Stage) -> None:
    """Have another team say that something happened."""
    assert await stage.call("billing", "orchestrator.v1", "wake_watch", {}) == {"watch": "orchestrator-watch"}


def refund(amount: float, *, key: str) -> Mapping[str, Any]:
    return {"user_id": USER, "payment_method_id": METHOD, "amount": amount, "key": key}


async def asked_by_watch(person: Approver) -> list[Any]:
    found: list[Any] = []

    async def asked() -> bool:
        found[:] = [each async for each in person.inbox.waiting(team="orchestrator") if each.question.agent == "watch"]
        return bool(found)

    await until(asked, within=60)
    return found


async def all_reports(watch: WatchSchedule) -> list[Report]:
    """Return every report there is, the oldest first."""
    found = [each.report async for each in watch.wakes(1000) if each.report is not None]
    return sorted(found, key=lambda report: report.wake)


async def has_reported(watch: WatchSchedule, what: Any) -> bool:
    return any(what(report) for report in await all_reports(watch))


async def sleeps(watch: WatchSchedule) -> bool:
    """Tell whether every wake is over and has become visible."""
    status = await watch.status()
    return not status.waking and len(await all_reports(watch)) == status.wakes


async def command(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command in this process, which is a part of the mesh, and return what it printed."""
    capsys.readouterr()
    assert await asyncio.to_thread(run_command, words) == 0
    return capsys.readouterr().out
