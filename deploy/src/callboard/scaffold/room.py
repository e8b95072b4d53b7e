"""The room of a new team, written from templates: a query and a task that work, to be replaced by the team's own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from string import Template
from typing import Final

from callboard.failures import CommandError
from callboard.scaffold.checkout import listed
from callboard.scaffold.names import check_name

_SUFFIX: Final = ".tmpl"
_CONTRACT: Final = ("__init__.py", "v1.py")
_PACKAGE: Final = (
    "__init__.py",
    "__main__.py",
    "activities.py",
    "agent.py",
    "py.typed",
    "service.py",
    "store.py",
    "team.toml",
    "workflows.py",
)


@dataclass(frozen=True, kw_only=True)
class NewTeam:
    """A team that has no room yet."""

    name: str
    owner: str
    """Who answers for it."""

    contact: str
    """Where to reach the owner."""


def make_room(team: NewTeam, *, root: Path) -> tuple[str, ...]:
    """Make the room and the contract of `team` in the checkout at `root`, and put it on the lists of rooms.

    Returns:
        What was made or changed, as paths below `root`.

    Raises:
        CommandError: The team may not be called that, has a room or a contract already, or cannot be written.
    """
    made = _files(team)
    check_name(team.name, sources=_neutral_sources())
    contract = PurePosixPath("contracts/src/callboard_contracts", team.name)
    room = PurePosixPath("teams", team.name)
    golden = PurePosixPath("contracts/tests/golden", f"{team.name}.v1.json")
    for taken in (room, contract, contract.with_suffix(".py"), golden):
        if (root / taken).exists():
            raise CommandError(f"there is a {str(taken)!r} already; choose another name, or remove it first")
    lists = listed(root, team.name)
    before = {path: path.read_text(encoding="utf-8") for path in lists}
    try:
        for path, text in made.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        _format([root / contract, root / room])
        (root / golden).write_text(_listing(root, f"{team.name}.v1"), encoding="utf-8")
        for path, text in lists.items():
            path.write_text(text, encoding="utf-8")
    except (OSError, CommandError) as error:
        # A half-made room would be in the way of the next attempt.
        for folder in (room, contract):
            shutil.rmtree(root / folder, ignore_errors=True)
        (root / golden).unlink(missing_ok=True)
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
        raise CommandError(f"the room cannot be made: {error}") from error
    changed = [str(path.relative_to(root)) for path in lists]
    return (str(contract), str(golden), str(room), *changed)


def _files(team: NewTeam) -> dict[PurePosixPath, str]:
    """Return the text of every file of the contract and of the room, by its path in the checkout."""
    name = team.name
    contract = PurePosixPath("contracts/src/callboard_contracts", name)
    room = PurePosixPath("teams", name)
    package = room / "src" / f"callboard_team_{name}"
    places = {
        **{contract / file: f"contract/{file}" for file in _CONTRACT},
        **{package / file: f"room/{file}" for file in _PACKAGE},
        room / "pyproject.toml": "room/pyproject.toml",
        room / "README.md": "room/README.md",
        room / "tests" / "test_notes.py": "room/test_notes.py",
    }
    words = {
        "team": name,
        "Noun": name.capitalize(),
        # What JSON writes as a string, TOML reads as the same one.
        "owner": json.dumps(team.owner),
        "contact": json.dumps(team.contact),
    }
    return {path: _filled(template, words) for path, template in places.items()}


def _neutral_sources() -> list[str]:
    """Return the Python files of a room whose name is no word of theirs."""
    neutral = _files(NewTeam(name="xxx", owner="", contact=""))
    return [text for path, text in neutral.items() if path.suffix == ".py"]


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = files("callboard.scaffold").joinpath("templates", template + _SUFFIX).read_text(encoding="utf-8")
    return Template(text).substitute(words)


def _format(folders: Sequence[Path]) -> None:
    """Break lines where the length of the name asks for it; a checkout that lacks the formatter is left as it is."""
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--quiet", *map(str, folders)], capture_output=True, check=False
    )


def _listing(root: Path, service: str) -> str:
    """Return what a service of the checkout's contracts publishes; a new process reads them as they are now."""
    asked = subprocess.run(
        [sys.executable, "-m", "callboard_contracts", service],
        env={**os.environ, "PYTHONPATH": str(root / "contracts/src")},
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise CommandError(
            f"its contract cannot be described: {(asked.stderr.splitlines() or ['no reason given'])[-1]}"
        )
    return asked.stdout
