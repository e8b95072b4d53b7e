"""A month of an ambient agent, in seconds, on the time-skipping server.

That server knows no schedules, so a cron of its own stands in: it starts the same workflow every six hours and, like a
schedule, gives each run the result of the one before. The real schedule is for `tests/e2e/test_watch.py`.
"""

from datetime import datetime, timedelta

from garden import Wake, World, half_past
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from callboard_kit.ambient import Waking

DAYS = 30
DAY = timedelta(days=1)


async def test_thirty_days_of_waking_acting_asking_and_sleeping(skipping: WorkflowEnvironment):
    began = await half_past(skipping)
    world = World(
        runs_empty={
            "beans": [began + 2 * DAY, began + 20 * DAY],
            "corn": [began + 5 * DAY],
            "dill": [began + 10 * DAY],
            "eggs": [began + 14 * DAY],
        },
        confidence={"beans": 0.95, "corn": 0.5, "dill": 0.79, "eggs": 0.9},
        answered_after={"corn": 2 * DAY},
        model_fails={"eggs": 2},
    )

    wakes = await live(skipping, world, began)

    reports = [each.report for each in world.woken]
    told = [(each.finding.key, each.decision) for report in reports for each in report.new]
    ended = [(each.about, each.outcome) for report in reports for each in report.settled]
    assert told == [
        ("beans", "applied"),
        ("corn", "asked"),
        ("dill", "asked"),
        ("eggs", "applied"),
        ("beans", "applied"),
    ]
    assert ended == [
        ("shelf beans is empty", "applied"),
        ("shelf corn is empty", "applied"),
        ("shelf dill is empty", "not_approved"),
        ("shelf eggs is empty", "applied"),
        ("shelf beans is empty", "applied"),
    ]
    assert [shelf for shelf, _ in world.filled] == ["beans", "corn", "eggs", "beans"]
    assert len({key for _, key in world.filled}) == 4
    assert 2 * DAY <= world.filled_at["corn"] - (began + 5 * DAY) <= 2.5 * DAY
    # Whom nobody answered is not asked again, though the shelf stays empty to the end.
    assert [question.arguments["shelf"] for question in world.asked] == ["corn", "dill"]
    assert reports[-1].seen == {"shelves": 1}
    # The model is asked when something is new, and when it did not answer; never because time passes.
    assert world.analysed == ["beans", "corn", "dill", "eggs", "eggs", "eggs", "beans"]
    assert [len(report.troubles) for report in reports if report.troubles] == [1, 1]
    # One look for each wake, and one wake for each turn of the clock.
    assert [report.wake for report in reports] == list(range(1, wakes + 1))
    assert world.looks == wakes
    assert wakes == 4 * DAYS
    # The beans, filled again ten days ago, are forgotten.
    assert [each.key for each in world.woken[-1].memory.known] == ["dill"]
    assert world.woken[-1].memory.open == ()


async def live(skipping: WorkflowEnvironment, world: World, began: datetime) -> int:
    """Have a month pass, with a worker that keeps no workflow in memory; return how many wakes it had."""
    async with world.worker(skipping.client, "garden"):
        clock = await skipping.client.start_workflow(
            Wake.run, Waking(since=began), id="garden-watch", task_queue="garden", cron_schedule="0 */6 * * *"
        )
        for _ in range(DAYS):
            await skipping.sleep(DAY)
            # Between two wakes there is nothing but the clock's next run, which has not begun.
            asleep = await clock.describe()
            assert (asleep.status, asleep.history_length) == (WorkflowExecutionStatus.RUNNING, 1)
        await clock.terminate()
    return len(world.woken)
