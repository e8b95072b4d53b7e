"""A build's name changes with whatever the room is made of, and with nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callboard_contracts import Message
from callboard_kit.agent import Agent, FunctionTool
from callboard_kit.build import build_of

Room = Callable[[str, dict[str, str]], str]


class One(Message):
    value: int


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Make a package of these files and return its name."""
    monkeypatch.delenv("CALLBOARD_BUILD", raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, files: dict[str, str]) -> str:
        for path, text in {"__init__.py": "", **files}.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return name

    return make


def test_the_same_files_are_the_same_build_wherever_they_lie_and_whether_they_ran(room: Room) -> None:
    files = {"agent.py": "x = 1", "prompts/ask.md": "Ask."}
    first = build_of(room("room_one", files))

    assert first.startswith("files-")
    assert build_of(room("room_two", files)) == first
    assert build_of(room("room_three", {**files, "__pycache__/agent.pyc": "?", ".cache": "?"})) == first


@pytest.mark.parametrize(
    "files",
    [
        {"agent.py": "x = 2", "prompts/ask.md": "Ask."},
        {"agent.py": "x = 1", "prompts/ask.md": "Ask nicely."},
        {"agent.py": "x = 1", "prompts/tell.md": "Ask."},
        {"agent.py": "x = 1Ask.", "prompts/ask.md": ""},
        {"agent.py": "x = 1", "prompts/ask.md": "Ask.", "team.toml": ""},
    ],
    ids=["code", "a prompt", "a name", "where it stands", "one more"],
)
def test_another_file_is_another_build(room: Room, files: dict[str, str]) -> None:
    first = build_of(room("room_one", {"agent.py": "x = 1", "prompts/ask.md": "Ask."}))

    assert build_of(room("room_other", files)) != first


def agent(**more: Any) -> Agent[Any]:
    return Agent(**{"name": "desk", "instructions": "Help.", **more})


def test_an_agent_that_is_made_of_something_else_is_another_build(room: Room) -> None:
    package = room("room_one", {"agent.py": "x = 1"})
    add = FunctionTool(name="add", description="Add one.", function=lambda one: one, input_type=One)
    others = [(), (agent(instructions="Help nicely."),), (agent(tools=(add,)),), (agent(), agent(name="other"))]

    first = build_of(package, (agent(),))

    assert build_of(package, (agent(),)) == first
    assert len({first, *(build_of(package, each) for each in others)}) == len(others) + 1
    assert build_of(package, others[3]) == build_of(package, others[3][::-1])


def test_a_deployment_may_name_its_builds(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBOARD_BUILD", "2026-11-22.3")

    assert build_of(room("room_one", {})) == "2026-11-22.3"
