"""The rooms are what the design says, and nothing was left off the lists that guard them."""

import ast
import configparser
import re
import sys
from importlib.metadata import entry_points

import pytest
from rooms import ROOT, Room, rooms

IDS = [room.distribution for room in rooms()]
TEAM_ROOMS = [room for room in rooms() if room.path.parent.name == "teams"]


def import_linter() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def test_import_linter_looks_at_every_room() -> None:
    listed = import_linter()["importlinter"]["root_packages"].split()

    assert sorted(listed) == sorted(room.package for room in rooms())


def test_every_room_has_its_place_in_the_layers() -> None:
    layers = import_linter()["importlinter:contract:direction"]["layers"]

    assert sorted(re.findall(r"\w+", layers)) == sorted(room.package for room in rooms())


def test_contracts_need_three_distributions_and_no_more() -> None:
    [contracts] = [room for room in rooms() if room.package == "callboard_contracts"]

    assert sorted(re.split(r"[<>=\[ ]", each)[0] for each in contracts.dependencies) == [
        "nexus-rpc",
        "pydantic",
        "rfc8785",
    ]


def test_contracts_import_the_standard_library_and_three_packages() -> None:
    allowed = {"callboard_contracts", "nexusrpc", "pydantic", "pydantic_core", "rfc8785"} | set(sys.stdlib_module_names)
    [contracts] = [room for room in rooms() if room.package == "callboard_contracts"]

    imported = {name for path in (contracts.path / "src").rglob("*.py") for name in top_level_imports(path.read_text())}

    assert imported - allowed == set()


@pytest.mark.parametrize("room", rooms(), ids=IDS)
def test_a_room_is_furnished(room: Room) -> None:
    missing = [
        name
        for name in ("README.md", "tests", f"src/{room.package}/__init__.py", f"src/{room.package}/py.typed")
        if not (room.path / name).exists()
    ]

    assert missing == []


@pytest.mark.parametrize("room", TEAM_ROOMS, ids=[room.path.name for room in TEAM_ROOMS])
def test_a_team_room_follows_from_the_teams_name(room: Room) -> None:
    team = room.path.name
    furniture = ["team.toml", "activities.py", "workflows.py", "service.py", "__main__.py"]

    assert (room.distribution, room.package) == (f"callboard-team-{team}", f"callboard_team_{team}")
    assert [name for name in furniture if not (room.path / "src" / room.package / name).is_file()] == []


def test_every_team_room_announces_itself() -> None:
    announced = {point.name: point.value for point in entry_points(group="callboard.teams")}
    expected = {room.path.name: room.package for room in TEAM_ROOMS} | {"orchestrator": "callboard_orchestrator"}

    assert expected.items() <= announced.items()


def test_the_command_depends_on_every_team_room() -> None:
    [deploy] = [room for room in rooms() if room.package == "callboard"]

    assert [room.distribution for room in TEAM_ROOMS if room.distribution not in deploy.dependencies] == []


def top_level_imports(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found
