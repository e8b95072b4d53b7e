"""Who a person is, and what they said, can be told from the issuer's key alone."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from callboard_kit.identity import InvalidTokenError, SigningKey, VerifyingKey
from callboard_kit.persons import ISSUER, Credential, Person, issue_token, read_statement, read_token

NOW = 1_800_000_000.0
DAY = timedelta(days=1)
ADA = Person(name="ada", roles=("finance",), scopes=("approvals",))
INBOX = SigningKey.generate(ISSUER)
OTHER = SigningKey.generate("orders")


def find_key(team: str, key_id: str) -> VerifyingKey | None:
    known = {(key.team, key.key_id): key.public_key for key in (INBOX, OTHER)}
    return known.get((team, key_id))


def test_a_token_says_whose_it_is():
    token = issue_token(INBOX, ADA, now=NOW, lifetime=DAY)

    assert read_token(token, find_key=find_key, now=NOW + 60) == ADA


@pytest.mark.parametrize(
    ("token", "when", "why"),
    [
        (issue_token(INBOX, ADA, now=NOW, lifetime=DAY), NOW + 90_000, "has expired; have a new one issued"),
        (issue_token(OTHER, ADA, now=NOW, lifetime=DAY), NOW, "no key .* is known for 'orders'"),
        (issue_token(SigningKey.generate(ISSUER), ADA, now=NOW, lifetime=DAY), NOW, "is known for 'inbox'"),
        (INBOX.sign({"v": 1, "typ": "call", "sub": "ada"}), NOW, "this is no person"),
        ("nonsense", NOW, "malformed"),
    ],
    ids=["expired", "a team that vouches for nobody", "a made-up issuer", "another kind of token", "nonsense"],
)
def test_a_token_that_proves_nothing_is_refused(token: str, when: float, why: str):
    with pytest.raises(InvalidTokenError, match=why):
        read_token(token, find_key=find_key, now=when)


def test_a_statement_says_who_made_it_and_what_it_says():
    credential = Credential.issue(INBOX, ADA, now=NOW, lifetime=DAY)

    said = read_statement(credential.state({"gate": "g1", "yes": True}, now=NOW), find_key=find_key, now=NOW + 5)

    assert (said.person, said.claims["gate"], said.claims["yes"]) == (ADA, "g1", True)


def test_a_certificate_found_in_a_history_is_no_token():
    credential = Credential.issue(INBOX, ADA, now=NOW, lifetime=DAY)
    certificate = json.loads(_payload(credential.state({}, now=NOW)))["crt"]

    with pytest.raises(InvalidTokenError, match="this is no person"):
        read_token(certificate, find_key=find_key, now=NOW)


def test_a_token_vouches_for_no_statement():
    token = issue_token(INBOX, ADA, now=NOW, lifetime=DAY)
    forged = SigningKey.generate("person:ada").sign({"v": 1, "typ": "statement", "iat": NOW, "crt": token})

    with pytest.raises(InvalidTokenError, match="this is no certificate"):
        read_statement(forged, find_key=find_key, now=NOW)


def test_nobody_speaks_with_the_certificate_of_another():
    credential = Credential.issue(INBOX, ADA, now=NOW, lifetime=DAY)
    certificate = json.loads(_payload(credential.state({}, now=NOW)))["crt"]
    thief = SigningKey.generate("person:ada").sign({"v": 1, "typ": "statement", "iat": NOW, "crt": certificate})

    with pytest.raises(InvalidTokenError, match="was not signed by key"):
        read_statement(thief, find_key=find_key, now=NOW)


@pytest.mark.parametrize(
    ("issuer", "made", "read", "why"),
    [
        (INBOX, NOW, NOW + 90_000, "the certificate of 'ada' has expired"),
        (OTHER, NOW, NOW, "is known for 'orders'"),
        (INBOX, NOW + 300, NOW, "made in the future"),
    ],
    ids=["after the certificate", "by a team that vouches for nobody", "from the future"],
)
def test_a_statement_that_proves_nothing_is_refused(issuer: SigningKey, made: float, read: float, why: str):
    statement = Credential.issue(issuer, ADA, now=NOW, lifetime=DAY).state({"gate": "g1"}, now=made)

    with pytest.raises(InvalidTokenError, match=why):
        read_statement(statement, find_key=find_key, now=read)


def test_a_changed_statement_is_refused():
    statement = Credential.issue(INBOX, ADA, now=NOW, lifetime=DAY).state({"gate": "g1"}, now=NOW)
    head, payload, signature = statement.split(".")

    with pytest.raises(InvalidTokenError):
        read_statement(f"{head}.{payload[:-2]}AA.{signature}", find_key=find_key, now=NOW)


@pytest.mark.parametrize(
    ("approvers", "is_one"),
    [
        (["ada"], True),
        (["role:finance"], True),
        (["*"], True),
        (["bob", "role:legal"], False),
        (["finance"], False),
        ([], False),
    ],
)
def test_approvers_are_persons_roles_or_everybody(approvers: list[str], is_one: bool):
    assert ADA.is_among(approvers) is is_one


def test_a_credential_is_kept_in_a_file_that_only_its_owner_reads(tmp_path: Path):
    path = tmp_path / "persons" / "ada.json"
    Credential.issue(INBOX, ADA, now=NOW, lifetime=DAY).save(path)

    found = Credential.load(path)

    assert found.person == ADA
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_statement(found.state({}, now=NOW), find_key=find_key, now=NOW).person == ADA


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"certificate": "x", "key": "y"}', '"no"'])
def test_a_file_that_holds_no_credential_says_so(tmp_path: Path, text: str):
    path = tmp_path / "ada.json"
    path.write_text(text)

    with pytest.raises(ValueError, match="holds no person's credential"):
        Credential.load(path)


def _payload(token: str) -> str:
    import base64

    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
