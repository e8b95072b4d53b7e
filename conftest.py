"""What every test can count on, in whatever order tests run."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

ON_THE_STAGE = ("e2e", "conformance", "browser", "lab")
"""Folders of `tests` whose files share one mesh, which takes half a minute to start."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what has to run in one process, for `-n`: the tests on the stage, which come first, and those of a file."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path.relative_to(ROOT))))
    items.sort(key=lambda item: _group(item.path.relative_to(ROOT)) != "stage")


def _group(path: Path) -> str:
    return "stage" if path.parts[0] == "tests" and path.parts[1] in ON_THE_STAGE else path.as_posix()


@pytest.fixture(autouse=True)
def environment_of_its_own() -> Generator[None]:
    """Put this process's environment back: a command that joins a mesh makes itself a part of it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
