"""What `team.toml` says."""

from callboard_kit.teams import Team


def test_the_room_says_that_it_calls_every_example_team_and_may_only_be_woken():
    team = Team.load("callboard_orchestrator")

    # A checkout may have more teams; what the orchestrator offers of those, it learns from the catalog.
    assert team.calls == ("billing.v1", "customers.v1", "inventory.v1", "orders.v1", "support.v1")
    assert team.name == "orchestrator"
    assert [(rule.services, rule.operations) for rule in team.policy.rules] == [(("orchestrator.v1",), ("wake_watch",))]
