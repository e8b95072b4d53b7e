"""The command says what is wrong on one line, and ends with the code that it documents."""

import json
from pathlib import Path

import pytest

from callboard.command import run_command

ORDER = '{"order_id": "#W1"}'

WRONG = {
    "no such command": (["dance"], 2, "No such command 'dance'"),
    "an argument is missing": (["call", "orders.v1"], 2, "Missing argument"),
    "no such service": (["call", "weather.v1", "ask"], 1, "no contract for service 'weather.v1'; there are "),
    "no such operation": (["call", "orders.v1", "burn"], 1, "'orders.v1' has no operation 'burn'; it has assist"),
    "input that is not JSON": (["call", "orders.v1", "get_order_details", "--input", "{"], 1, "wrong as a whole"),
    "input without a field": (["call", "orders.v1", "get_order_details", "--input", "{}"], 1, "wrong at 'order_id'"),
    "no mesh to call": (
        ["call", "orders.v1", "get_order_details", "--input", ORDER],
        1,
        "start one with 'callboard up'",
    ),
    "no mesh to ask": (["run", "cancel my order"], 1, "start one with 'callboard up'"),
    "nothing to ask": (["run", "  "], 1, "say in words what is asked for"),
    "no mesh to list": (["catalog", "list"], 1, "start one with 'callboard up'"),
    "no inbox to look into": (["approvals", "list"], 1, "start one with 'callboard up'"),
    "no inbox to answer": (["approvals", "approve", "gate-x"], 1, "start one with 'callboard up'"),
    "nobody to vouch for": (["persons", "issue"], 2, "Missing argument"),
    "nothing to ask about": (["run", "cancel", "--ask", "some"], 1, "--ask takes none, effects, all"),
    "no mesh to look at": (["status"], 1, "no mesh runs in"),
    "no such file": (["example", "load", "nowhere.json"], 1, "there is no file 'nowhere.json'"),
    "no such team to publish": (["contracts", "publish", "nobody"], 1, "start one with 'callboard up'"),
    "no such team to leave out": (["up", "--without", "nobody"], 1, "there is no team 'nobody'; the teams are"),
    "ports that do not exist": (["up", "--port-base", "70000"], 1, "port base 70000 is out of range"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run_command(arguments) == code

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("callboard: ")
    assert err.count("\n") == 1
    assert said in err


BAD_EXAMPLES = {
    "not JSON": (b"{", "is not JSON"),
    "not text": (b"\xff\xfe", "is not JSON"),
    "nested without end": (b"[" * 200_000, "is nested too deep"),
    "no tables": (b"[]", "the whole: "),
    "a record that is not whole": (b'{"users": {"a": {}}, "orders": {}, "products": {}}', "users.a.user_id: "),
}


@pytest.mark.parametrize(("content", "said"), BAD_EXAMPLES.values(), ids=BAD_EXAMPLES)
def test_a_bad_example_file_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    file = home / "bad.json"
    file.write_bytes(content)

    assert run_command(["example", "load", str(file)]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"callboard: {str(file)!r}")
    assert err.endswith("; 'callboard example dump' writes a file as it should be\n")
    assert err.count("\n") == 1
    assert said in err


def test_a_folder_is_no_example_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["example", "load", str(home)]) == 1

    assert capsys.readouterr().err == f"callboard: {str(home)!r} cannot be read: Is a directory\n"


def test_a_temporal_that_does_not_answer_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from callboard_kit.identity import SigningKey

    SigningKey.generate("orchestrator").save(home / "keys" / "orchestrator.pem")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    assert run_command(["call", "orders.v1", "get_order_details", "--input", ORDER]) == 1

    assert "no Temporal answers at '127.0.0.1:1'" in capsys.readouterr().err


def test_debug_shows_where_it_came_from(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--debug", "status"]) == 1

    assert "Traceback" in capsys.readouterr().err


def test_status_is_json_even_when_nothing_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["status", "--json"]) == 1

    assert json.loads(capsys.readouterr().out) == {}


def test_down_may_be_said_twice(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [run_command(["down"]), run_command(["down"])] == [0, 0]


def test_an_example_comes_back_as_it_was_loaded(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = home / "first.json", home / "second.json"

    codes = [
        run_command(["example", "load", "--customers", "20", "--seed", "3"]),
        run_command(["example", "dump", str(first)]),
        run_command(["example", "load", str(first)]),
        run_command(["example", "dump", str(second)]),
    ]

    assert codes == [0, 0, 0, 0]
    assert json.loads(first.read_text()) == json.loads(second.read_text())
    assert capsys.readouterr().out == ""
