"""The short form of `make lab`, and proof that the lab finds what it is there to find."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from tests.lab import report
from tests.lab.killing import Killer
from tests.lab.trial import Trial, faults
from tests.playing.books import expected_effects, surplus
from tests.playing.stage import Stage
from tests.playing.tasks import Task, TaskSet, own

# The first test of a run also starts the mesh.
pytestmark = pytest.mark.timeout(400)

SEED = 20261121
CHOSEN = (
    "cancel-to-gift-card",
    "pay-with-gift-card-then-cancel",
    "return-to-gift-card",
    "moving-house",
    "too-late-to-redirect",
)
"""Tasks with effects in every team that has any."""


def chosen(tasks: TaskSet, *ids: str) -> list[Task]:
    return [task for task in tasks.tasks if task.id in ids]


async def test_tasks_end_right_while_workers_and_temporal_are_killed(stage: Stage):
    tasks = own()
    trial = Trial(stage, tasks, at_once=3, say=lambda _: None)
    killer = Killer(stage, seed=SEED, victims=stage.workers, pause=(0.5, 1.5), most=8)
    slow = faults(seed=SEED, share=0.0, slow_seconds=0.5)
    (await stage.model.put("/offline/faults", json=slow)).raise_for_status()
    try:
        async with killer.at_large():
            findings = await trial.play(chosen(tasks, *CHOSEN), halfway=lambda: killer.kill("temporal"))
    finally:
        (await stage.model.put("/offline/faults", json={})).raise_for_status()

    found = report.document(findings, await trial.traces(), killer.kills, settings={"seed": SEED})

    assert report.passed(found), "\n".join([*report.lines(found), str(found["wrong"])])
    assert found["kills"]["temporal"] == 1
    assert sum(found["kills"].values()) >= 3


async def test_a_model_call_that_is_made_again_after_its_completion_is_found(stage: Stage):
    tasks = own()
    trial = Trial(stage, tasks, at_once=1, say=lambda _: None)
    [task] = chosen(tasks, "gift-card-too-small")
    began = datetime.now(UTC)
    await trial.play([task])
    made = [each["key"] for each in await stage.requests() if datetime.fromisoformat(each["received_at"]) > began]
    body = {"model": "offline-script-player", "messages": [{"role": "user", "content": task.words}]}

    again = await stage.model.post("/v1/chat/completions", json=body, headers={"x-callboard-call": made[0]})

    again.raise_for_status()
    traces = await trial.traces()
    assert traces.repeated == [made[0]]
    assert (traces.finished, traces.requests) == (len(made), len(made) + 1)


async def test_an_effect_that_happened_twice_or_not_at_all_is_found(stage: Stage):
    tasks = own()
    await stage.fill(tasks)
    [task] = chosen(tasks, "cancel-to-gift-card")
    await stage.play(task)
    expected = expected_effects([task], tasks.records)
    assert surplus(expected, stage.books.effects()) == []

    with closing(sqlite3.connect(stage.home / "stores" / "billing.db")) as store, store:
        store.execute(
            "insert into movements select caller, key || ':again', asked, receipt, 0, null, null from movements"
        )
    with closing(sqlite3.connect(stage.home / "stores" / "orders.db")) as store, store:
        store.execute("delete from effects")

    found = surplus(expected, stage.books.effects())
    assert [line.rpartition("' ")[2] for line in found] == ["2 times, not 1", "0 times, not 1"]
