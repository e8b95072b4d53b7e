"""What every test can count on, in whatever order tests run."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

ON_A_STAGE = {"e2e": "stage", "conformance": "stage", "browser": "browser"}
"""Folders of `tests` whose files share one mesh, which takes a while to start, and how each mesh is called here. Tests
there that do without it, or start one of their own, need not wait for the others."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what has to run in one process, for `-n`: the tests on a stage, and those of a file."""
    groups = {item: _group(item) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    # What takes longest comes first, so that nobody waits for it at the end.
    items.sort(key=lambda item: (groups[item] not in ON_A_STAGE.values(), not groups[item].startswith("tests/")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` means: one more than there are processors, since tests mostly wait."""
    given = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return int(given) if given else (os.cpu_count() or 1) + 1


def _group(item: pytest.Item) -> str:
    path = item.path.relative_to(ROOT)
    shares = "stage" in getattr(item, "fixturenames", ())
    named = ON_A_STAGE.get(path.parts[1]) if path.parts[0] == "tests" and shares else None
    return named or path.as_posix()


@pytest.fixture(autouse=True)
def environment_of_its_own() -> Generator[None]:
    """Put this process's environment back: a command that joins a mesh makes itself a part of it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
