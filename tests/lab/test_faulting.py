"""The short form of `python -m tests.lab.faulting`."""

import pytest

from tests.lab import report
from tests.lab.faulting import KINDS, plan, struck
from tests.lab.trial import Trial
from tests.playing.stage import Stage
from tests.playing.tasks import own

# The first test of a run also starts the mesh.
pytestmark = pytest.mark.timeout(300)

CHOSEN = ("cancel-to-gift-card", "moving-house")


async def test_tasks_end_right_while_a_model_does_all_it_can_do_wrong(stage: Stage):
    tasks = own()
    before = len(await stage.requests())
    # A larger share would now and then write four malformed calls in a row, which ends a task, and rightly so.
    # The workers of this mesh are more patient than those of the lab: here, a silent model is a slow one.
    faults = {**plan(seed=20261122, share=0.3), "silent_seconds": 0.2}
    (await stage.model.put("/offline/faults", json=faults)).raise_for_status()
    try:
        trial = Trial(stage, tasks, at_once=2, say=lambda _: None)
        findings = await trial.play([task for task in tasks.tasks if task.id in CHOSEN])
    finally:
        (await stage.model.put("/offline/faults", json={})).raise_for_status()

    found = report.document(findings, await trial.traces(), [], settings={})
    assert report.passed(found), "\n".join([*report.lines(found), str(found["wrong"])])
    assert sum(struck((await stage.requests())[before:]).values()) >= 1


def test_every_kind_of_fault_is_as_likely_as_any_other_and_together_they_are_the_share():
    rates = plan(seed=1, share=0.2)["rates"]

    assert set(rates) == set(KINDS)
    spared = 1.0
    for rate in rates.values():
        spared *= 1 - rate
    assert 1 - spared == pytest.approx(0.2)
