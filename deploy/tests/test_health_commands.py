"""What runs is shown for people and for programs, also where nothing does."""

import json
from collections.abc import Callable, Generator

import pytest

from callboard.command import run_command
from callboard.stack.lifecycle import Stack, states
from callboard.stack.supervision import Supervisor

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(servers: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command of a mesh without workers; returns its exit code and what it said on stdout and stderr."""
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE", "CALLBOARD_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CALLBOARD_HOME", str(servers.plan.home))

    def run(*words: str) -> tuple[int, str, str]:
        code = run_command(list(words))
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def without_registry(servers: Stack) -> Generator[None]:
    supervisor = Supervisor(servers.record.socket)
    supervisor.stop("registry")
    _wait_for(lambda: states(servers.record)["registry"].pid is None)
    yield
    supervisor.start("registry")
    _wait_for(lambda: states(servers.record)["registry"].state == "running")


def _wait_for(condition: Callable[[], bool]) -> None:
    """Ask the supervisor, each time a round trip, until it says so."""
    for _ in range(20_000):
        if condition():
            return
    pytest.fail("the supervisor does not do as it was told")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no worker is there; --past shows those that were, for a day\n"),
        (("nobody",), "no worker of nobody is there; --past shows those that were, for a day\n"),
        (("--service", "shop.v9", "--past"), "no worker that serves shop.v9 is there\n"),
    ],
)
def test_no_workers_are_said_to_be_none(run: Run, words: tuple[str, ...], said: str) -> None:
    assert run("workers", "list", *words) == (0, "", said)
    assert run("workers", "list", *words, "--json") == (0, "[]\n", "")


def test_endpoints_of_teams_that_offer_nothing_yet_are_as_they_should_be(run: Run) -> None:
    code, out, err = run("endpoints", "reconcile", "--json")
    told = json.loads(out)

    assert (code, err, told["changed"]) == (0, "", [])
    [orders] = [each for each in told["endpoints"] if each["name"] == "orders"]
    assert orders == {
        "name": "orders",
        "namespace": "orders",
        "task_queue": "orders",
        "wanted_namespace": "orders",
        "wanted_task_queue": "orders",
        "services": [],
        "drift": [],
    }


def test_a_cluster_that_does_not_answer_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, servers: Stack) -> None:
    for name, value in servers.plan.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    code, out, err = run("endpoints", "reconcile")

    assert (code, out) == (1, "")
    assert err.startswith("callboard: no Temporal answers at '127.0.0.1:1', or it does not let this client in: ")
    assert err.count("\n") == 1


def test_status_goes_on_when_the_registry_does_not_answer(run: Run, without_registry: None) -> None:
    code, out, err = run("status")

    assert code == 1
    assert "observer       running" in out
    assert err.startswith("whether services are served is not known: the registry at ")


def test_status_shows_who_looks(run: Run) -> None:
    code, out, _ = run("status", "--json")

    assert code == 0
    assert json.loads(out)["observer"]["state"] == "running"
