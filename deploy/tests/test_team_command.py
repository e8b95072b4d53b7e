import asyncio
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import callboard
from callboard.command.team import enrol_team, list_teams, provision_team, serve_team
from callboard.failures import CommandError
from callboard.scaffold import checkout
from callboard.scaffold.room import NewTeam, make_room
from callboard.stack.lifecycle import Stack

ROOT = Path(__file__).parents[2]
NEW = "understudies"  # a team that a checkout with rooms of its own is not likely to have
LISTS = (".importlinter", "deploy/pyproject.toml")


def team(name: str) -> NewTeam:
    return NewTeam(name=name, owner='The "best" team', contact="best@example.com")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout, without what git does not hold."""
    copy = tmp_path_factory.mktemp("original") / "checkout"
    made = (".venv", ".git", ".callboard", "__pycache__", ".*_cache", ".hypothesis", "*-results", "node_modules")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*made))
    return copy


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    """As much of a checkout as a new room has to do with."""
    copy = tmp_path / "checkout"
    for part in ("contracts", "teams"):
        shutil.copytree(original / part, copy / part)
    (copy / "deploy").mkdir()
    for name in LISTS:
        shutil.copy(original / name, copy / name)
    return copy


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def run(root: Path, *command: str, sources: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment in the checkout `root`; rooms in `sources` are found there, not here."""
    paths = os.pathsep.join(str(root / source) for source in sources)
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def with_rooms(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout with three more rooms, of the shortest and of the longest name."""
    copy = tmp_path_factory.mktemp("made") / "checkout"
    shutil.copytree(original, copy)
    for name in ("qq", NEW, "a" * 20):
        make_room(team(name), root=copy)
    yield copy


def test_the_guards_of_the_checkout_take_the_new_rooms_and_their_contracts(with_rooms: Path):
    # What is installed is another matter: `make setup` comes next.
    guards = ("tests/architecture/test_rooms.py", "contracts/tests/test_golden.py", "-k", "not announces")

    guarded = run(with_rooms, "pytest", "-q", *guards, sources=["contracts/src"])

    assert guarded.returncode == 0, guarded.stdout


def test_the_new_code_keeps_to_the_house_style(with_rooms: Path):
    rooms = ["teams/qq", f"teams/{NEW}", f"teams/{'a' * 20}", "contracts/src/callboard_contracts"]

    written = run(with_rooms, "ruff", "format", "--check", "--no-cache", *rooms)
    checked = run(with_rooms, "ruff", "check", "--no-cache", *rooms)

    assert (written.returncode, checked.returncode) == (0, 0), written.stdout + checked.stdout


def test_the_new_room_keeps_its_promises_on_a_real_server(with_rooms: Path):
    tests = run(with_rooms, "pytest", "-q", f"teams/{NEW}", sources=[f"teams/{NEW}/src", "contracts/src"])

    assert tests.returncode == 0, tests.stdout


def test_an_owner_with_quotes_is_written_as_it_was_given(root: Path):
    make_room(team(NEW), root=root)

    content = tomllib.loads((root / f"teams/{NEW}/src/callboard_team_{NEW}/team.toml").read_text())
    assert (content["owner"], content["contact"]) == ('The "best" team', "best@example.com")


@pytest.mark.parametrize(
    "name",
    (
        *("", "x", "Greeters", "greet-ers", "greet_ers", "9lives", "a" * 21, "../bakers"),  # no short noun
        *("orchestrator", "inbox", "class", "match", "core"),  # means something else, or nothing
        *("orders", "agents"),  # there already
        *("message", "mesh", "note", "workflow"),  # words of the code
    ),
)
def test_a_name_that_does_not_fit_is_refused_and_nothing_is_written(root: Path, name: str):
    before = tree(root)

    with pytest.raises(CommandError) as refusal:
        make_room(team(name), root=root)

    assert repr(name) in str(refusal.value) or name in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert tree(root) == before


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_is_not_where_it_used_to_be_leaves_the_checkout_as_it_was(root: Path, name: str):
    (root / name).write_text("[project]\n")
    before = tree(root)

    with pytest.raises(CommandError, match="not where it used to be"):
        make_room(team(NEW), root=root)

    assert tree(root) == before


def test_a_room_that_cannot_be_finished_is_taken_away_again(root: Path):
    (root / "contracts/src/callboard_contracts/digests.py").write_text("raise SystemExit('broken')\n")
    before = tree(root)

    with pytest.raises(CommandError, match="broken"):
        make_room(team(NEW), root=root)

    after = {name: content for name, content in tree(root).items() if "__pycache__" not in name}
    assert after == {name: content for name, content in before.items() if "__pycache__" not in name}


def test_a_command_without_its_repository_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(callboard, "__file__", str(tmp_path / "lib/python3/site-packages/callboard/__init__.py"))

    with pytest.raises(CommandError, match="clone the repository"):
        checkout.checkout()


def test_the_installed_teams_are_listed_with_their_owners_services_and_calls(capsys: pytest.CaptureFixture[str]):
    list_teams(as_json=True)

    billing = next(each for each in json.loads(capsys.readouterr().out) if each["team"] == "billing")
    assert billing["services"] == ["billing.v1"]
    assert billing["package"] == "callboard_team_billing"
    assert billing["owner"] and billing["contact"] and billing["description"]


async def test_a_team_is_served_by_itself_until_it_is_told_to_stop(servers: Stack):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from callboard.command import main; main()", "team", "serve", "billing"),
        env={**os.environ, "CALLBOARD_HOME": str(servers.plan.home)},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            said = [await process.stderr.readline()]
            while said[-1] and b"serving team 'billing'" not in said[-1]:
                said.append(await process.stderr.readline())
        assert said[-1], b"".join(said)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(60):
            await process.communicate()

    assert process.returncode == 0


def test_a_team_that_is_not_there_cannot_be_served():
    with pytest.raises(CommandError, match=r"there is no team 'nobody' here; the teams are .*billing"):
        serve_team("nobody")


def test_a_cluster_is_given_what_it_lacks_once(
    servers: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, value in servers.plan.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CALLBOARD_NAMES", "prod-{team}")
    monkeypatch.setenv("CALLBOARD_NAMESPACES", "prod-{team}.a1b2c")

    provision_team(["billing"])
    first = capsys.readouterr().out.splitlines()
    provision_team(["billing"])

    assert (first[0], first[-1]) == ("namespace prod-billing.a1b2c", "endpoint prod-billing")
    assert capsys.readouterr().out == ""


def test_a_team_without_a_key_gets_one_that_the_registry_vouches_for(
    servers: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, value in servers.plan.environment.items():
        monkeypatch.setenv(name, value)
    key = servers.plan.home / "keys" / "billing.pem"
    before = key.read_bytes()
    key.rename(key.with_suffix(".old"))

    enrol_team(["billing"])

    assert capsys.readouterr().out == f"billing {key}\n"
    assert key.read_bytes() != before
    assert key.stat().st_mode & 0o777 == 0o600


def test_one_key_is_not_given_to_several_teams(servers: Stack, monkeypatch: pytest.MonkeyPatch):
    for name, value in servers.plan.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CALLBOARD_KEY_FILE", "any.pem")

    with pytest.raises(CommandError, match="one team's key"):
        enrol_team(["billing", "orders"])
