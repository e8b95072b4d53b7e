"""What every test can count on, in whatever order tests run."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

ON_A_STAGE = {"e2e": "stage", "conformance": "stage", "browser": "browser"}
"""Folders of `tests` whose files share one mesh, which takes a while to start, and how each mesh is called here."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what has to run in one process, for `-n`: the tests on a stage, which come first, and those of a file."""
    groups = {item: _group(item.path.relative_to(ROOT)) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: groups[item] not in ON_A_STAGE.values())


def _group(path: Path) -> str:
    named = ON_A_STAGE.get(path.parts[1]) if path.parts[0] == "tests" else None
    return named or path.as_posix()


@pytest.fixture(autouse=True)
def environment_of_its_own() -> Generator[None]:
    """Put this process's environment back: a command that joins a mesh makes itself a part of it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
