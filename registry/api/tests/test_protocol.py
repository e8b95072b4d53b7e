"""The check of the protocol finds what it is there for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOM = Path(__file__).resolve().parent.parent
PROTO = Path("src/callboard_registry_api/v1/registry.proto")
ENVIRONMENT = ROOM.parent.parent / ".venv"
BUF = sorted(ENVIRONMENT.glob("buf-*/node_modules/.bin/buf"))


def check(room: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(room / "check_protocol.sh")],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=60,
    )


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A copy of what the check looks at."""
    copy = tmp_path / "registry" / "api"
    (copy / PROTO).parent.mkdir(parents=True)
    shutil.copy(ROOM / PROTO, copy / PROTO)
    shutil.copytree(ROOM / "frozen", copy / "frozen")
    for name in ("check_protocol.sh", "buf.yaml"):
        shutil.copy(ROOM / name, copy / name)
    (tmp_path / ".venv").symlink_to(ENVIRONMENT)
    return copy


def change(room: Path, old: str, new: str) -> None:
    text = (room / PROTO).read_text()
    assert old in text
    (room / PROTO).write_text(text.replace(old, new, 1))


def test_where_npm_is_missing_nothing_fails_and_it_is_said_what_to_install(room, tmp_path):
    (tmp_path / "bin").mkdir()
    for tool in ("dirname", "sh"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))

    done = check(room, PATH=str(tmp_path / "bin"))

    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert "install Node.js" in done.stdout


with_buf = pytest.mark.skipif(not BUF or shutil.which("node") is None, reason="`make protocol` brings buf along")


@with_buf
def test_the_protocol_as_it_is_passes(room):
    done = check(room)

    assert done.returncode == 0, done.stdout


@with_buf
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  string service = 1;", "  string service = 61;"),
        ("  string service = 1;", "  string service_name = 1;"),
        ("  int64 number = 3;", "  string number = 3;"),
        ("  LISTING_STATE_DRAFT = 1;", "  LISTING_STATE_SKETCH = 1;"),
        ("(stream WatchChangesResponse)", "(WatchChangesResponse)"),
    ],
    ids=["a field's number", "a field's name", "a field's type", "a value's name", "a stream"],
)
def test_what_would_break_somebody_is_found(room, old, new):
    change(room, old, new)

    assert check(room).returncode == 100


@with_buf
def test_what_is_written_otherwise_than_the_rest_is_found(room):
    change(room, "message GetListingRequest {", "message GetListingRequest {\n  string badName = 77;")

    done = check(room)

    assert (done.returncode, "badName" in done.stdout + done.stderr) == (100, True)


@with_buf
def test_what_may_be_added_is_added(room):
    change(room, "message GetListingRequest {", "message GetListingRequest {\n  string something_new = 77;")

    assert check(room).returncode == 0
