"""What `team.toml` says."""

from callboard_contracts import services
from callboard_kit import Policy
from callboard_kit.teams import Team


def test_the_room_says_that_it_calls_everyone_and_serves_nobody():
    team = Team.load("callboard_orchestrator")

    assert (team.name, sorted(team.calls), team.policy) == ("orchestrator", sorted(services), Policy())
