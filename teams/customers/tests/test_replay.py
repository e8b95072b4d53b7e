"""Runs that were recorded go on under today's workflows and schedule what they scheduled. Renew: `make histories`."""

from pathlib import Path

from callboard_kit.testing.replay import assert_replays
from callboard_team_customers import following, workflows

RECORDED = Path(__file__).parent / "histories"
WORKFLOWS = (
    workflows.Assist,
    workflows.Converse,
    following.FollowOrder,
    workflows.GetUserDetails,
    workflows.ModifyUserAddress,
)


async def test_recorded_runs_go_on_and_schedule_the_same():
    await assert_replays(RECORDED, team="customers", workflows=WORKFLOWS)
