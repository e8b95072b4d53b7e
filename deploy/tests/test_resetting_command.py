"""What `callboard runs reset` cannot make out is said before anything is asked of anybody."""

from pathlib import Path

import pytest

from callboard.command import run_command
from callboard_kit.identity import SigningKey
from callboard_kit.persons import Credential


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("colour=red",), "--with is 'colour=red'; it must be prompt=FILE or model=NAME, each once at most"),
        (("model=",), "--with is 'model='; it must be"),
        (("model=a", "model=b"), "--with is 'model=b'; it must be"),
        (("prompt=nowhere.txt",), "'nowhere.txt' cannot be read as text"),
    ],
)
def test_what_is_to_be_otherwise_is_said_in_a_form_that_can_be_read(
    home: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], told: str
):
    words = [word for each in given for word in ("--with", each)]

    assert run_command(["runs", "reset", "run", "--to", "2", *words]) == 1

    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"callboard: {told}")


def test_who_resets_a_run_has_to_be_known(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    assert run_command(["runs", "reset", "run", "--to", "2", "--as", "nobody"]) == 1

    assert "there is no credential at" in capsys.readouterr().err


def test_a_credential_is_good_for_the_scopes_it_was_issued_with(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    SigningKey.generate("inbox").save(home / "keys" / "inbox.pem")

    assert run_command(["persons", "issue", "otto", "--scope", "runs-all", "--scope", "approvals"]) == 0

    assert Credential.load(home / "persons" / "otto.json").person.scopes == ("runs-all", "approvals")
    assert "it is good for runs-all, approvals until" in capsys.readouterr().err
