"""`callboard replay` on runs of a real mesh: what is kept, that nothing sensitive is in it, and what a change does."""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from callboard_kit.replaying.sealing import KEY, new_key
from tests.playing.commands import Said, command
from tests.playing.stage import Stage
from tests.playing.tasks import own

pytestmark = pytest.mark.timeout(180)

REPOSITORY = Path(__file__).resolve().parents[2]
CUSTOMER = (REPOSITORY / "tests" / "conformance" / "own-tasks.json").read_text()
HISTORIES = REPOSITORY / "teams" / "orders" / "tests" / "histories"


async def replay(*arguments: str, environment: Mapping[str, str] | None = None) -> Said:
    return await command(environment or {}, "replay", *arguments)


@pytest.fixture(scope="module")
async def played(stage: Stage) -> Stage:
    """A mesh on which a customer had an order cancelled."""
    tasks = own()
    await stage.fill(tasks)
    await stage.play(next(task for task in tasks.tasks if task.id == "cancel-to-gift-card"))
    return stage


def texts(folder: Path) -> str:
    """Return everything that histories hold, payloads decoded."""
    whole = "".join(path.read_text() for path in folder.iterdir())
    payloads = re.findall(r'"data": "([A-Za-z0-9+/=]+)"', whole)
    return whole + "".join(base64.b64decode(each).decode(errors="replace") for each in payloads)


async def test_runs_are_kept_without_what_is_sensitive_and_still_replay(played, tmp_path):
    for team in ("orchestrator", "customers", "orders"):
        kept = await replay("sample", team, "--to", str(tmp_path / team), environment=played.environment)
        assert kept.code == 0, kept.err
        checked = await replay("check", team, str(tmp_path / team), "--json")
        assert checked.code == 0, checked.out + checked.err
        assert {run["verdict"] for run in json.loads(checked.out)["runs"]} == {"same"}

    found = texts(tmp_path / "orchestrator")
    for secret in ("Bela.Falk811449@Example.com", "242 Garden Terrace"):
        assert secret in CUSTOMER, "it is what the customer said or has on record"
        assert secret not in found


async def test_runs_are_sealed_whole_and_opened_with_the_same_key_only(played, tmp_path):
    key = {KEY: new_key()}
    kept = await replay("sample", "orders", "--to", str(tmp_path), "--seal", environment={**played.environment, **key})
    assert kept.code == 0, kept.err
    assert b"order_id" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())

    opened = await replay("check", "orders", str(tmp_path), environment=key)
    without = await replay("check", "orders", str(tmp_path))
    wrong = await replay("check", "orders", str(tmp_path), environment={KEY: new_key()})

    assert opened.code == 0, opened.err
    assert (without.code, wrong.code) == (1, 1)
    assert "is sealed; set CALLBOARD_HISTORY_KEY" in without.err
    assert "was not sealed with the key" in wrong.err


async def test_runs_of_the_mesh_are_checked_without_being_kept(played):
    checked = await replay("check", "orders", environment=played.environment)

    assert checked.code == 0, checked.out + checked.err
    assert "CancelPendingOrder" in checked.out


@pytest.mark.parametrize(
    ("then", "now", "code", "told"),
    [
        pytest.param(
            '"look_at_order"', '"look_up_order"', 2, "broken at event {event}; guard the new steps", id="a step"
        ),
        pytest.param(
            '"startToCloseTimeout": "10s"', '"startToCloseTimeout": "9s"', 3, "was 9.0, is 10.0", id="a limit"
        ),
    ],
)
async def test_a_run_that_was_recorded_otherwise_is_told_with_what_to_do(tmp_path, then, now, code, told):
    kept = (HISTORIES / "CancelPendingOrder.json").read_text()
    assert then in kept
    (tmp_path / "CancelPendingOrder.json").write_text(kept.replace(then, now))

    events = json.loads(kept)["events"]
    [event] = [
        each["eventId"]
        for each in events
        if each.get("activityTaskScheduledEventAttributes", {}).get("activityType", {}).get("name") == "look_at_order"
    ]
    checked = await replay("check", "orders", str(tmp_path))
    accepted = await replay("check", "orders", str(tmp_path), "--accept-changed")

    assert checked.code == code, checked.out + checked.err
    assert told.format(event=event) in checked.out
    assert accepted.code == (0 if code == 3 else code)


async def test_nothing_to_replay_is_said_with_what_to_do(tmp_path):
    empty = await replay("check", "orders", str(tmp_path))
    unknown = await replay("check", "nobody", str(tmp_path))
    missing = await replay("check", "orders", str(tmp_path / "gone"))

    assert (empty.code, unknown.code, missing.code) == (1, 1, 1)
    assert "callboard replay sample orders" in empty.err
    assert "no team 'nobody' is installed" in unknown.err
    assert "there is no folder" in missing.err
