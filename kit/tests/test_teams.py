"""A `team.toml` says who a team is and whom it lets call, or why it cannot be used."""

import sys
from pathlib import Path

import pytest

from callboard_kit.policy import Policy, Rule
from callboard_kit.teams import Team, TeamFileError, team_name

GOOD = """
owner = "Orders team"
contact = "orders@example.com"
calls = ["billing.v1"]

[[policy.rules]]
name = "orchestrator-may-do-all"
callers = ["orchestrator"]
services = ["orders.v1"]
"""


def parse(text: str) -> Team:
    return Team.parse(text, name="orders", source="orders/team.toml")


def test_a_team_is_read_whole() -> None:
    assert parse(GOOD) == Team(
        name="orders",
        owner="Orders team",
        contact="orders@example.com",
        calls=("billing.v1",),
        policy=Policy(
            rules=(Rule(name="orchestrator-may-do-all", callers=("orchestrator",), services=("orders.v1",)),)
        ),
    )


def test_a_team_without_a_policy_lets_nobody_call() -> None:
    assert parse('owner = "o"\ncontact = "c"').policy == Policy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("owner", "ownr"), "orders/team.toml: unknown key 'ownr'"),
        ("colour = 1\n" + GOOD, "orders/team.toml: unknown key 'colour'; take it out"),
        (GOOD + "operation = ['x']", "orders/team.toml: unknown key 'policy.rules.0.operation'"),
        ("name = 'x'\n" + GOOD, "orders/team.toml: 'name' is not a key; the package's name says it"),
        ("owner ==", "orders/team.toml is not valid TOML: .*line 1"),
        ("owner = 1\ncontact = 'c'", "orders/team.toml: key 'owner': Input should be a valid string"),
        ("owner = 'o'", "orders/team.toml: key 'contact' is missing"),
        (GOOD.replace('["orchestrator"]', "[]"), r"key 'policy.rules.0.callers': .*at least 1"),
    ],
)
def test_a_file_that_cannot_be_used_names_itself_and_the_key(text: str, message: str) -> None:
    with pytest.raises(TeamFileError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("package", "name"),
    [("callboard_team_orders", "orders"), ("callboard_orchestrator", "orchestrator"), ("orders", "orders")],
)
def test_a_package_s_name_says_the_team(package: str, name: str) -> None:
    assert team_name(package) == name


@pytest.mark.parametrize("name", ["a", "Orders", "1st", "two_words", "two-words", ""])
def test_a_team_s_name_is_a_short_lower_case_noun(name: str) -> None:
    with pytest.raises(TeamFileError, match="key 'name'"):
        Team.parse(GOOD, name=name, source="x")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "callboard_team_lamps"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    sys.modules.pop("callboard_team_lamps", None)


def test_a_room_without_the_file_is_told_that_it_needs_one(room: Path) -> None:
    with pytest.raises(TeamFileError, match=r"'callboard_team_lamps' has no team.toml"):
        Team.load("callboard_team_lamps")


def test_a_profile_may_have_a_file_of_its_own(room: Path) -> None:
    (room / "team.toml").write_text(GOOD)
    (room / "team.strict.toml").write_text('owner = "strict"\ncontact = "c"')

    assert Team.load("callboard_team_lamps").owner == "Orders team"
    assert Team.load("callboard_team_lamps", profile="dev").owner == "Orders team"
    assert Team.load("callboard_team_lamps", profile="strict").owner == "strict"


def test_a_file_outside_of_a_package_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "team.toml"
    path.write_text("x = 1")

    with pytest.raises(TeamFileError, match=f"{path}: "):
        Team.read(path, name="orders")


def test_a_room_whose_package_is_gone_says_what_to_do() -> None:
    with pytest.raises(TeamFileError, match="its package 'callboard_team_ghosts' is gone; run `make setup`"):
        Team.load("callboard_team_ghosts")
