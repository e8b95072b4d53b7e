"""Persons are vouched for where the inbox's key is, and nowhere else."""

import logging
import time
from pathlib import Path

import httpx
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
    assert "it is good for approvals until" in err
    assert Credential.load(path).person == Person(name="ada@example.com", roles=("finance",), scopes=("approvals",))


def test_a_token_is_printed_and_kept_nowhere(home: Path, issuer: SigningKey, capsys: pytest.CaptureFixture[str]):
    assert run_command(["persons", "token", "ada", "--scope", "runs"]) == 0

    def find_key(team: str, key_id: str) -> VerifyingKey | None:
        return issuer.public_key if (team, key_id) == ("inbox", issuer.key_id) else None

    token = capsys.readouterr().out.strip()
    assert read_token(token, find_key=find_key, now=time.time()) == Person(name="ada", scopes=("runs",))
    assert not (home / "persons").exists()


@pytest.fixture
def console(home: Path, make_registry, monkeypatch: pytest.MonkeyPatch):
    """Where a console is whose administrator this machine is."""
    with make_registry(home) as registry:
        monkeypatch.setenv("CALLBOARD_REGISTRY", registry.address)
        monkeypatch.setenv("CALLBOARD_REGISTRY_ADMIN_TOKEN", "administrator-for-tests")
        monkeypatch.setenv("CALLBOARD_CONSOLE_URL", registry.console)
        yield registry.console


def test_a_link_signs_in_once_and_stands_in_no_log(
    console: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG, "callboard_registry")

    assert run_command(["persons", "link", "grace@example.com", "--may", "approver:billing", "--role", "finance"]) == 0
    out, err = capsys.readouterr()
    link = out.strip()
    entered = httpx.post(link, trust_env=False)
    again = httpx.post(link, trust_env=False)

    assert link.startswith(f"{console}/signin/link/")
    assert "grace@example.com in the console; it is good once, for 10 minutes" in err
    assert (entered.status_code, again.status_code) == (303, 410)
    assert "grace@example.com signed in by link" in caplog.text
    assert link.rpartition("/")[2] not in caplog.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grace", "--may", "king"], "'king' is no role; use viewer, approver, publisher, administrator"),
        (["grace", "--minutes", "0"], "greater than 0"),
        (["../grace"], "pattern"),
    ],
)
def test_a_link_that_makes_no_sense_is_one_line(
    console: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
):
    assert run_command(["persons", "link", *arguments]) == 1

    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_where_no_console_answers_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CALLBOARD_REGISTRY", "127.0.0.1:1")
    monkeypatch.setenv("CALLBOARD_REGISTRY_ADMIN_TOKEN", "administrator-for-tests")
    missing = run_command(["persons", "link"]), capsys.readouterr().err
    monkeypatch.setenv("CALLBOARD_CONSOLE_URL", "http://127.0.0.1:1")
    silent = run_command(["persons", "link"]), capsys.readouterr().err

    assert missing == (1, "callboard: it is not known where the console is; set CALLBOARD_CONSOLE_URL to its address\n")
    assert silent == (1, "callboard: no console answers at 'http://127.0.0.1:1'; is the registry running?\n")


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
