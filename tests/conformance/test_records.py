"""What each operation does to the records, by reference tasks played without Temporal between the teams.

A task lists calls with the results they must have, and every record that differs from the start when all are done.
"""

import importlib.util
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError

from callboard import example
from callboard_contracts import RefusedError

HERE = Path(__file__).parent
TAU2 = HERE.parents[2] / "shared" / "tau2-retail"
OWN_DB, OWN_TASKS = HERE / "own-db.json", HERE / "own-tasks.json"


def _load_player() -> ModuleType:
    # Test folders are no packages (importlib mode), so a neighbour is loaded by its path.
    spec = importlib.util.spec_from_file_location("records_player", HERE / "records_player.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


player = _load_player()


def _tasks(path: Path) -> list[dict[str, object]]:
    return json.loads(path.read_text()) if path.exists() else []


@dataclass(frozen=True)
class Start:
    """Records to begin with, and a home whose stores hold them, to be copied and never used."""

    records: Mapping[str, Mapping[str, object]]
    home: Path


def _start(source: Path, home: Path) -> Start:
    example.load(source, home)
    return Start(records=json.loads(source.read_text()), home=home)


@pytest.fixture(scope="session")
def tau2(tmp_path_factory: pytest.TempPathFactory) -> Start:
    return _start(TAU2 / "db.json", tmp_path_factory.mktemp("tau2"))


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Start:
    return _start(OWN_DB, tmp_path_factory.mktemp("own"))


@contextmanager
def _open(start: Start, home: Path) -> Iterator[object]:
    shutil.copytree(start.home, home)
    with closing(player.Shop(home)) as shop:
        yield shop


async def _play(start: Start, home: Path, task: Mapping[str, object]) -> None:
    with _open(start, home) as shop:
        for number, action in enumerate(task["actions"]):
            key = f"test:{task['id']}:{number}"
            if action["ok"]:
                result = await shop.do(action["name"], action["arguments"], key=key)
                assert result == player.without_nulls(action["result"]), f"{action['name']} {action['arguments']}"
            else:
                before = shop.records()
                # What the contract's schema does not let through never reaches the team.
                with pytest.raises((RefusedError, ValidationError)):
                    await shop.do(action["name"], action["arguments"], key=key)
                assert shop.records() == before
        assert player.changed(start.records, shop.records()) == player.without_nulls(task["changed"])


@pytest.mark.skipif(not TAU2.exists(), reason=f"the reference tasks are not here: {TAU2}")
@pytest.mark.parametrize("task", _tasks(TAU2 / "tasks-train.json"), ids=lambda task: f"train-{task['id']}")
async def test_a_reference_task_leaves_exactly_the_changes_it_should(tau2: Start, tmp_path: Path, task):
    await _play(tau2, tmp_path / "home", task)


@pytest.mark.parametrize("task", _tasks(OWN_TASKS), ids=lambda task: f"own-{task['id']}")
async def test_a_task_of_our_own_leaves_exactly_the_changes_it_should(own: Start, tmp_path: Path, task):
    await _play(own, tmp_path / "home", task)


@pytest.mark.parametrize("task", _tasks(OWN_TASKS), ids=lambda task: f"own-{task['id']}")
async def test_every_call_delivered_twice_changes_nothing_more_and_answers_the_same(own: Start, tmp_path: Path, task):
    with _open(own, tmp_path / "home") as shop:
        for number, action in enumerate(task["actions"]):
            if action["ok"]:
                first = await shop.do(action["name"], action["arguments"], key=str(number))
                assert await shop.do(action["name"], action["arguments"], key=str(number)) == first

        assert player.changed(own.records, shop.records()) == player.without_nulls(task["changed"])
        handed_over = sum(action["name"] == "transfer_to_human_agents" for action in task["actions"])
        assert len(shop.handovers.all()) == handed_over


def test_our_own_tasks_use_every_operation_and_refuse_some():
    actions = [action for task in _tasks(OWN_TASKS) for action in task["actions"]]

    assert {action["name"] for action in actions if action["ok"]} == set(player.Shop._operations)
    assert sum(not action["ok"] for action in actions) >= 10
