from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from garden import POLICY, Wake, World, half_past
from temporalio.testing import WorkflowEnvironment

from callboard_kit.ambient import Report, Waking, WatchPolicy

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def live(
    skipping: WorkflowEnvironment,
    world: World,
    policy: WatchPolicy = POLICY,
    *,
    hours: float = 3,
    cron: str = "0 * * * *",
    since: datetime | None = None,
) -> list[Report]:
    """Have some hours pass with a wake in each of them, and return the reports of the world's wakes so far."""
    now = await half_past(skipping)
    async with world.worker(skipping.client, "garden"):
        clock = await skipping.client.start_workflow(
            Wake.run,
            Waking(since=since or now, policy=policy),
            id="garden-watch",
            task_queue="garden",
            cron_schedule=cron,
        )
        await skipping.sleep(hours * HOUR)
        await clock.terminate()
    return [each.report for each in world.woken]


async def empty(skipping: WorkflowEnvironment, *shelves: str, **more: object) -> World:
    began = await skipping.get_current_time()
    return World(runs_empty={shelf: [began] for shelf in shelves}, **more)


async def test_a_wake_whose_outcome_was_lost_is_made_again_and_repeats_nothing(skipping: WorkflowEnvironment):
    world = await empty(skipping, "beans", confidence={"beans": 0.1}, answered_after={"beans": DAY})
    since = await skipping.get_current_time()

    # Another clock has no result of a run before, as after a wake that failed.
    [first] = await live(skipping, world, hours=1, since=since)
    [_, second] = await live(skipping, world, hours=1, since=since)
    async with world.worker(skipping.client, "garden"):
        await skipping.sleep(2 * DAY)

    assert first.new == second.new
    assert [each.decision for each in second.new] == ["asked"]
    assert len(world.asked) == 1
    assert [shelf for shelf, _ in world.filled] == ["beans"]


async def test_what_a_wake_has_no_budget_for_waits_for_the_next(skipping: WorkflowEnvironment):
    world = await empty(skipping, "beans", "corn", "dill", "eggs", "figs", confidence={"corn": 0.1, "eggs": 0.1})
    policy = POLICY.model_copy(update={"remedies": 2})

    reports = await live(skipping, world, policy)

    assert [[each.finding.key for each in report.new] for report in reports] == [
        ["beans", "corn"],
        ["dill", "eggs"],
        ["figs"],
    ]
    assert [report.left for report in reports] == [3, 1, 0]


async def test_a_wake_begins_no_analysis_when_its_tokens_are_spent(skipping: WorkflowEnvironment):
    world = await empty(skipping, "beans", "corn", "dill", tokens=20_000)

    [report] = await live(skipping, world, POLICY.model_copy(update={"tokens": 30_000}), hours=1)

    assert (len(report.new), report.left, report.usage.input_tokens) == (2, 1, 40_000)
    assert world.analysed == ["beans", "corn"]


async def test_no_more_questions_wait_than_the_policy_allows(skipping: WorkflowEnvironment):
    world = await empty(skipping, "beans", "corn", "dill", confidence=dict.fromkeys(("beans", "corn", "dill"), 0.1))
    policy = POLICY.model_copy(update={"waiting": 2})

    reports = await live(skipping, world, policy)

    assert len(world.asked) == 2
    assert [len(report.new) for report in reports] == [2, 0, 0]


async def test_a_storm_of_triggers_is_a_wake_now_and_then(skipping: WorkflowEnvironment):
    world = await empty(skipping)
    policy = POLICY.model_copy(update={"rest": timedelta(minutes=10)})

    reports = await live(skipping, world, policy, hours=1, cron="* * * * *")

    pauses = [later.began - earlier.ended for earlier, later in pairwise(reports)]
    assert 5 <= len(reports) <= 6
    assert min(pauses) >= timedelta(minutes=10)


async def test_a_detector_that_cannot_look_is_a_trouble_and_forgets_nothing(skipping: WorkflowEnvironment):
    world = await empty(skipping, "beans", confidence={"beans": 0.1}, blind=frozenset({2}))

    reports = await live(skipping, world)

    assert [len(report.new) for report in reports] == [1, 0, 0]
    assert [dict(report.seen) for report in reports] == [{"shelves": 1}, {}, {"shelves": 1}]
    assert reports[1].troubles == ("shelves: activity empty_shelves failed",)


@pytest.mark.parametrize("named", ["none", "set-the-house-on-fire"])
async def test_what_is_no_remedy_is_told_and_not_done(skipping: WorkflowEnvironment, named: str):
    world = await empty(skipping, "beans", names={"beans": named})

    first, second, *_ = await live(skipping, world)

    [handled] = first.new
    assert (handled.decision, handled.remedy, handled.workflow) == ("reported", "", "")
    assert ("is no remedy for it" in handled.why) == (named != "none")
    assert (second.new, world.filled) == ((), [])


async def test_a_finding_that_can_never_be_analysed_is_told_after_three_wakes(skipping: WorkflowEnvironment):
    world = await empty(skipping, "beans", "corn", model_fails={"beans": 99})

    reports = await live(skipping, world, hours=5)

    assert [[each.finding.key for each in report.new] for report in reports] == [["corn"], [], ["beans"], [], []]
    assert reports[2].new[0].explanation == "it could not be analysed: the model is away"
    assert world.analysed.count("beans") == 3
