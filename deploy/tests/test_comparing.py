"""`callboard contracts check` and `compare`: exit codes for machines, sentences for people."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from callboard.command import run_command
from callboard_contracts import describe, services


def listing() -> dict[str, Any]:
    return describe(services["orders.v1"]).model_dump(mode="json")


def cancel(document: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in document["operations"] if each["name"] == "cancel_pending_order")


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """The listing that callers use: it takes a reason that the new one does not take."""
    document = listing()
    cancel(document)["input"]["properties"]["reason"]["enum"].append("changed my mind")
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(document))
    return file


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_a_service_takes_its_own_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "same.json"
    file.write_text(json.dumps(listing()))

    assert run_command(["contracts", "check", "orders.v1", "--against", str(file)]) == 0
    assert said(capsys) == "compatible\n"


def test_a_breaking_change_ends_with_2_and_says_what_and_why(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["contracts", "check", "orders.v1", "--against", str(used)]) == 2
    assert said(capsys).splitlines() == [
        "incompatible: it breaks callers; publish it as orders.v2, or take that back",
        '  cancel_pending_order, input: the new input does not take "changed my mind" at /reason, and an old caller may'
        " send it [enum /properties/reason/enum]",
        '    for example {"reason": "changed my mind", "order_id": "a"}',
    ]


def test_a_breaking_change_is_said_to_machines_too(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["contracts", "check", "orders.v1", "--against", str(used), "--json"]) == 2
    found = json.loads(said(capsys))
    [broken] = found["findings"]

    assert (found["service"], found["verdict"], found["next_service"]) == ("orders.v1", "incompatible", "orders.v2")
    assert (broken["operation"], broken["part"], broken["rule"]) == ("cancel_pending_order", "input", "enum")
    assert broken["counterexample"]["reason"] == "changed my mind"


def test_what_may_be_missed_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = listing()
    cancel(document)["input"]["properties"]["note"] = {"type": "string"}
    file = tmp_path / "with-note.json"
    file.write_text(json.dumps(document))

    assert run_command(["contracts", "check", "orders.v1", "--against", str(file)]) == 0
    assert said(capsys).splitlines() == [
        "compatible",
        "  warning: cancel_pending_order, input: /note is not looked at any more [dropped]",
    ]


def test_strictly_a_new_member_is_breaking(tmp_path: Path) -> None:
    document = listing()
    cancel(document)["input"]["properties"].pop("reason")
    cancel(document)["input"]["required"].remove("reason")
    file = tmp_path / "without-reason.json"
    file.write_text(json.dumps(document))
    new = tmp_path / "new.json"
    cancel(document)["input"]["properties"]["reason"] = {"type": "string"}
    new.write_text(json.dumps(document))

    assert run_command(["contracts", "check", str(new), "--against", str(file)]) == 0
    assert run_command(["contracts", "check", str(new), "--against", str(file), "--strict"]) == 2


def test_a_worse_promise_is_breaking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = listing()
    cancel(document)["promise"]["longest_seconds"] = 900.0
    file = tmp_path / "patient.json"
    file.write_text(json.dumps(document))

    assert run_command(["contracts", "check", "orders.v1", "--against", str(file)]) == 2
    assert "promised to work for up to 900 s, gives up after 300 s" in said(capsys)


def test_what_cannot_be_decided_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = listing()
    cancel(new)["input"]["properties"]["order_id"]["format"] = "shoe-size"
    file, other = tmp_path / "old.json", tmp_path / "new.json"
    file.write_text(json.dumps(listing()))
    other.write_text(json.dumps(new))

    assert run_command(["contracts", "check", str(other), "--against", str(file)]) == 3
    assert said(capsys).startswith("unknown: it could not be decided whether it breaks callers\n")


def test_a_batch_is_answered_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, more = {"type": "string"}, {"type": ["string", "null"]}
    rows: list[dict[str, Any]] = [
        {"id": 1, "old": text, "new": more, "direction": "backward"},
        {"id": "two", "old": text, "new": more, "direction": "forward"},
        {"id": 3, "old": {"properties": {"a": text}}, "new": {"properties": {"b": text}}, "direction": "input"},
        {"id": 4, "old": {"type": "strong"}, "new": text, "direction": "output"},
        {"id": 5, "old": {"items": [text]}, "new": {"items": [more]}, "direction": "backward", "draft": "draft4"},
    ]
    batch = "\n".join(json.dumps(row) for row in rows) + "\n\n"
    file = tmp_path / "rows.jsonl"
    file.write_text(batch)

    assert run_command(["contracts", "compare", "--batch", str(file)]) == 0
    answers = said(capsys)
    monkeypatch.setattr("sys.stdin", io.StringIO(batch))
    assert run_command(["contracts", "compare", "--batch", "-"]) == 0
    assert said(capsys) == answers
    assert [json.loads(line) for line in answers.splitlines()] == [
        {"id": 1, "verdict": "compatible", "rule": None, "pointer": None, "counterexample": None},
        {"id": "two", "verdict": "incompatible", "rule": "type", "pointer": "/type", "counterexample": None},
        {"id": 3, "verdict": "compatible", "rule": None, "pointer": None, "counterexample": None},
        {"id": 4, "verdict": "unknown", "rule": "schema", "pointer": "", "counterexample": None},
        {"id": 5, "verdict": "compatible", "rule": None, "pointer": None, "counterexample": None},
    ]


WRONG = {
    "no such service": (["check", "weather.v1", "--against", "{file}"], "neither a file nor a service"),
    "no such file": (["check", "orders.v1", "--against", "nowhere.json"], "there is no file 'nowhere.json'"),
    "another service": (["check", "billing.v1", "--against", "{file}"], "no match"),
    "no listing": (["check", "orders.v1", "--against", "{row}"], "is no listing"),
    "no such batch": (["compare", "--batch", "nowhere.jsonl"], "there is no file 'nowhere.jsonl'"),
    "not JSON": (["check", "orders.v1", "--against", "{broken}"], "is no listing: Invalid JSON"),
    "a level of a file": (["check", "orders.v1", "--against", "{file}", "--level", "all"], "leave it out"),
    "no such level": (["check", "orders.v1", "--level", "some"], "'some' is no level; the levels are last, all"),
    "a row without a schema": (["compare", "--batch", "{row}"], "line 1 of"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(
    used: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    row = tmp_path / "row.json"
    row.write_text('{"id": 1}')
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    filled = [each.format(file=used, row=row, broken=broken) if "{" in each else each for each in arguments]

    assert run_command(["contracts", *filled]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
