"""Persons are vouched for where the inbox's key is, and nowhere else."""

import time
from pathlib import Path

import pytest

from callboard.command import run_command
from callboard_kit.identity import SigningKey, VerifyingKey
from callboard_kit.persons import Credential, Person, read_token


@pytest.fixture
def issuer(home: Path, monkeypatch: pytest.MonkeyPatch) -> SigningKey:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    key = SigningKey.generate("inbox")
    key.save(home / "keys" / "inbox.pem")
    return key


def test_a_credential_is_a_file_in_the_home(home: Path, issuer: SigningKey, capsys: pytest.CaptureFixture[str]):
    assert run_command(["persons", "issue", "ada@example.com", "--role", "finance"]) == 0

    path = home / "persons" / "ada@example.com.json"
    out, err = capsys.readouterr()
    assert out == f"{path}\n"
    assert "ada@example.com can answer questions until" in err
    assert Credential.load(path).person == Person(name="ada@example.com", roles=("finance",), scopes=("approvals",))


def test_a_token_is_printed_and_kept_nowhere(home: Path, issuer: SigningKey, capsys: pytest.CaptureFixture[str]):
    assert run_command(["persons", "token", "ada", "--scope", "runs"]) == 0

    def find_key(team: str, key_id: str) -> VerifyingKey | None:
        return issuer.public_key if (team, key_id) == ("inbox", issuer.key_id) else None

    token = capsys.readouterr().out.strip()
    assert read_token(token, find_key=find_key, now=time.time()) == Person(name="ada", scopes=("runs",))
    assert not (home / "persons").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["issue", "../ada"], "'../ada' is no name: names have letters, digits and ._@+-"),
        (["issue", ""], "'' is no name"),
        (["issue", "ada", "--role", "Finance"], "'Finance' is no role"),
        (["issue", "ada", "--days", "0"], "0 seconds is no time to vouch for somebody"),
        (["token", "ada", "--hours", "100000"], "is no time to vouch for somebody; use up to 366 days"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    home: Path, issuer: SigningKey, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
):
    assert run_command(["persons", *arguments]) == 1

    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_nobody_is_vouched_for_without_the_inboxs_key(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    assert run_command(["persons", "issue", "ada"]) == 1

    assert "team 'inbox' has no key at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("held", "arguments", "said"),
    [
        ([], [], "it is not known who answers; set CALLBOARD_PERSON"),
        (["ada", "bob"], [], "holds credentials of ada, bob; say --as who answers"),
        (["ada"], ["--as", "eve"], "there is no credential at"),
    ],
)
def test_who_answers_must_be_known(
    home: Path,
    issuer: SigningKey,
    capsys: pytest.CaptureFixture[str],
    held: list[str],
    arguments: list[str],
    said: str,
):
    for name in held:
        assert run_command(["persons", "issue", name]) == 0
    capsys.readouterr()

    assert run_command(["approvals", "approve", "gate-x", *arguments]) == 1

    assert said in capsys.readouterr().err
