"""What `team.toml` says."""

from callboard_kit import Policy
from callboard_kit.teams import Team


def test_the_room_says_that_it_calls_every_example_team_and_serves_nobody():
    team = Team.load("callboard_orchestrator")

    # A checkout may have more teams; what the orchestrator offers of those, it learns from the catalog.
    assert team.calls == ("billing.v1", "customers.v1", "inventory.v1", "orders.v1", "support.v1")
    assert (team.name, team.policy) == ("orchestrator", Policy())
