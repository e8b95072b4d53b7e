"""The mesh that the tests of this folder share: started when the first of them asks for it, ended with the last."""

import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.playing.stage import Stage, standing  # noqa: E402 - the line above is what makes it importable

_QUICK = {"CALLBOARD_LONGEST_AGE": "10", "CALLBOARD_OBSERVER_INTERVAL": "3"}
"""What would otherwise be waited for: half a minute for a policy, ten seconds for the observer's next look."""

_TOLD = pytest.StashKey[dict[str, list[float]]]()


@pytest.fixture(scope="package")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Five teams, the orchestrator and every server they need. A test that breaks a part of it puts it right again."""
    async with standing(tmp_path_factory.mktemp("mesh"), environment=_QUICK) as mesh:
        yield mesh


@pytest.fixture(scope="session")
def took(pytestconfig: pytest.Config) -> Callable[[str, float], None]:
    """Note how long one of several things took, by what they are; the sums are told at the end of the run."""
    told = pytestconfig.stash.setdefault(_TOLD, defaultdict(list))
    return lambda what, seconds: told[what].append(seconds)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what `took` was given, where several processes run tests."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["took"] = dict(session.config.stash.get(_TOLD, {}))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # Any: xdist's own class, which has no types
    """Take what one of them hands over."""
    told = node.config.stash.setdefault(_TOLD, defaultdict(list))
    for what, seconds in getattr(node, "workeroutput", {}).get("took", {}).items():
        told[what] += seconds


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what `took` was given."""
    for what, seconds in config.stash.get(_TOLD, {}).items():
        terminalreporter.write_line(f"{what}: {len(seconds)} in {sum(seconds):.1f} s, the longest {max(seconds):.1f} s")
