import pytest

from callboard.failures import CommandError
from callboard.rollouts.linting import Unsplit, unsplit
from callboard_kit.teams import installed_teams


def test_what_a_handler_answers_itself_cannot_be_ramped_and_what_a_workflow_answers_can():
    found = list(unsplit({"orders": "callboard_team_orders"}))

    assert found == [Unsplit(team="orders", service="orders.v1", operation="get_order_details")]


def test_a_room_inside_another_is_looked_at_once():
    rooms = installed_teams()

    found = list(unsplit(rooms))

    assert len(found) == len(set(found))
    assert {each.team for each in found} <= set(rooms)
    assert list(unsplit({"orchestrator": rooms["orchestrator"]})) == [
        Unsplit(team="orchestrator", service="orchestrator.v1", operation="wake_watch")
    ]


def test_a_room_that_cannot_be_imported_is_named():
    with pytest.raises(CommandError, match="the room of team 'gone' cannot be imported"):
        list(unsplit({"gone": "callboard_team_gone"}))
