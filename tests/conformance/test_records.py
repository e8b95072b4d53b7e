"""What each operation does to the records, by reference tasks played without Temporal between the teams.

A task lists calls with the results they must have, and every record that differs from the start when all are done.
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

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


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def shop(home: Path) -> Iterator[object]:
    shop = player.Shop(home)
    yield shop
    shop.close()


async def _play(shop, task: Mapping[str, object], start: Mapping[str, Mapping[str, object]]) -> None:
    for number, action in enumerate(task["actions"]):
        key = f"test:{task['id']}:{number}"
        if action["ok"]:
            result = await shop.do(action["name"], action["arguments"], key=key)
            assert result == player.without_nulls(action["result"]), f"{action['name']} {action['arguments']}"
        else:
            before = shop.records()
            with pytest.raises(RefusedError):
                await shop.do(action["name"], action["arguments"], key=key)
            assert shop.records() == before
    assert player.changed(start, shop.records()) == player.without_nulls(task["changed"])


@pytest.mark.skipif(not TAU2.exists(), reason=f"the reference tasks are not here: {TAU2}")
@pytest.mark.parametrize("task", _tasks(TAU2 / "tasks-train.json"), ids=lambda task: f"train-{task['id']}")
async def test_a_reference_task_leaves_exactly_the_changes_it_should(shop, home: Path, task):
    start = json.loads((TAU2 / "db.json").read_text())
    example.load(TAU2 / "db.json", home)

    await _play(shop, task, start)


@pytest.mark.parametrize("task", _tasks(OWN_TASKS), ids=lambda task: f"own-{task['id']}")
async def test_a_task_of_our_own_leaves_exactly_the_changes_it_should(shop, home: Path, task):
    start = json.loads(OWN_DB.read_text())
    example.load(OWN_DB, home)

    await _play(shop, task, start)


@pytest.mark.parametrize("task", _tasks(OWN_TASKS), ids=lambda task: f"own-{task['id']}")
async def test_every_call_delivered_twice_changes_nothing_more_and_answers_the_same(shop, home: Path, task):
    start = json.loads(OWN_DB.read_text())
    example.load(OWN_DB, home)

    for number, action in enumerate(task["actions"]):
        if action["ok"]:
            first = await shop.do(action["name"], action["arguments"], key=str(number))
            assert await shop.do(action["name"], action["arguments"], key=str(number)) == first

    assert player.changed(start, shop.records()) == player.without_nulls(task["changed"])


def test_our_own_tasks_use_every_operation_and_refuse_some():
    actions = [action for task in _tasks(OWN_TASKS) for action in task["actions"]]

    assert {action["name"] for action in actions if action["ok"]} == set(player.Shop._operations)
    assert sum(not action["ok"] for action in actions) >= 10
