"""What every test can count on, in whatever order tests run."""

import ast
import gc
import os
from collections.abc import Generator
from typing import Any

import pytest

ON_A_STAGE = {"e2e": "stage", "conformance": "stage", "browser": "browser"}
"""Folders of `tests` whose files share one mesh, which takes a while to start, and how each mesh is called here."""

BY_THEMSELVES = {
    "tests/browser/test_alone.py",
    "tests/browser/test_hostile.py",
    "tests/browser/test_signing_in.py",
    "tests/conformance/test_records.py",
    "tests/e2e/test_health.py",
    "tests/e2e/test_life.py",
}
"""Files there that do without it, or start one of their own: they need not wait for the others."""


LONG = {
    "deploy/tests/test_demo.py",
    "deploy/tests/test_stack.py",
    "deploy/tests/test_team_command.py",
    "kit/tests/test_entities.py",
    "kit/tests/test_serving.py",
    "orchestrator/tests/gateway/test_gateway.py",
    "registry/tests/test_audit_collector.py",
    "registry/tests/test_ordeal.py",
}
"""Files elsewhere that take long."""


_parse = ast.parse


def parse_without_collecting(*arguments: Any, **named: Any) -> Any:  # Any: whatever `ast.parse` takes and returns
    """Parse as `ast.parse` does, and collect no garbage meanwhile.

    In Python 3.11 a finalizer that runs while a tree is built lets another thread build one, and both fail with "AST
    constructor recursion depth mismatch". Temporal's sandbox imports messages in several threads, and each message's
    docstrings are read from its source; a worker's task is tried again then, but a replay in a test is not.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return _parse(*arguments, **named)
    finally:
        if collects:
            gc.enable()


ast.parse = parse_without_collecting


def group_of(path: str) -> str:
    """Return what has to run in one process with the tests of this file: others on the same mesh, or itself alone."""
    top, folder, *_ = path.split("/")
    return ON_A_STAGE.get(folder, path) if top == "tests" and path not in BY_THEMSELVES else path


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest, so that nobody waits for it at the end."""
    groups = {item: group_of(item.nodeid.partition("::")[0]) for item in items}
    items.sort(
        key=lambda item: (
            groups[item] not in ON_A_STAGE.values(),
            not groups[item].startswith("tests/"),
            groups[item] not in LONG,
        )
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:  # Any: xdist's own classes have no types
    """Return what deals tests out by `group_of`; with pytest 9.2, xdist cannot write its own groups into names."""
    from xdist.scheduler import LoadScopeScheduling  # pyright: ignore[reportMissingTypeStubs] - it has none

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid.partition("::")[0])

    return ByGroup(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` means: two more than there are processors, since tests mostly wait."""
    given = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return int(given) if given else (os.cpu_count() or 1) + 2


@pytest.fixture(autouse=True)
def environment_of_its_own() -> Generator[None]:
    """Put this process's environment back: a command that joins a mesh makes itself a part of it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
