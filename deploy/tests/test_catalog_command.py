"""`callboard catalog` on a registry: a revision's life, from the command line."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callboard.command import run_command
from callboard_contracts import describe, service_named
from callboard_kit.identity import SigningKey
from callboard_kit.publishing import registry_signature
from callboard_registry_api.client import RegistryClient

ADMINISTRATOR = "administrator-for-tests"
ORDERS = describe(service_named("orders.v1"))


@pytest.fixture
def registry(home: Path, make_registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A registry that holds the orders' contract as a draft; its address."""
    key = SigningKey.generate("orders")
    (home / "keys").mkdir(exist_ok=True)
    key.save(home / "keys" / "orders.pem")

    async def fill(address: str) -> None:
        async with RegistryClient(address, administrator_token=ADMINISTRATOR, sign=registry_signature(key)) as client:
            await client.register_key("orders", key.key_id, key.public_key.public_bytes)
            await client.publish_listing(ORDERS.model_dump_json().encode())

    with make_registry(home) as running:
        asyncio.run(fill(running.address))
        monkeypatch.setenv("CALLBOARD_REGISTRY", running.address)
        monkeypatch.setenv("CALLBOARD_REGISTRY_ADMIN_TOKEN", ADMINISTRATOR)
        yield running.address


@pytest.fixture
def catalog(registry: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `callboard catalog …`; returns its exit code, its output and what it said beside."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_command(["catalog", *arguments])
        return (code, *capsys.readouterr())

    return run


def test_a_revision_is_submitted_approved_deprecated_and_retired(catalog) -> None:
    steps = [
        catalog("submit", "orders.v1", "--as", "orders", "--json"),
        catalog("approve", "orders.v1", "--reason", "reviewed", "--json"),
        catalog("deprecate", "orders.v1", "--sunset", "2099-03-31", "--as", "orders", "--json"),
        catalog("retire", "orders.v1", "--force", "--json"),
    ]

    assert [code for code, _, _ in steps] == [0, 0, 0, 0]
    listings = [json.loads(out) for _, out, _ in steps]
    assert [each["state"] for each in listings] == ["pending", "approved", "deprecated", "retired"]
    assert [each["etag"] for each in listings] == ["e2", "e3", "e4", "e5"]
    assert listings[1]["reason"] == "reviewed"
    assert listings[2]["sunset"] == listings[3]["sunset"] == "2099-03-31T23:59:59+00:00"


def test_show_says_where_a_service_stands(catalog) -> None:
    catalog("approve", "orders.v1")
    catalog("deprecate", "orders.v1", "--sunset", "2099-03-31", "--reason", "too slow")

    shown = catalog("show", "orders.v1")
    listing = json.loads(catalog("show", "orders.v1", "--json")[1])["listing"]

    assert "revision 1.0.0, deprecated; answers until 2099-03-31 23:59 UTC (too slow)\n" in shown[1]
    assert (listing["state"], listing["reason"], listing["etag"]) == ("deprecated", "too slow", "e3")


def test_a_listing_that_was_moved_since_it_was_looked_at_is_not_moved(catalog) -> None:
    seen = json.loads(catalog("show", "orders.v1", "--json")[1])["listing"]["etag"]
    catalog("approve", "orders.v1")

    code, out, err = catalog("revoke", "orders.v1", "--reason", "a mistake", "--etag", seen)

    assert (code, out) == (1, "")
    assert "'orders.v1' was changed since you looked, it is approved now; look again" in err


def test_a_revision_may_be_named_by_the_beginning_of_its_digest(catalog) -> None:
    beginning = ORDERS.digest.removeprefix("sha256:")[:8]

    assert catalog("approve", "orders.v1", "--revision", beginning)[0] == 0
    code, _, err = catalog("approve", "orders.v1", "--revision", "nothing")
    assert (code, "has no revision whose digest starts with 'nothing'" in err) == (1, True)


WRONG = {
    "own approval": (["approve", "orders.v1", "--as", "orders"], "somebody else must approve it"),
    "not deprecated": (["retire", "orders.v1"], "'orders.v1' has no revision that is deprecated"),
    "no such service": (["approve", "order.v1"], "there is 'orders.v1'"),
    "no day": (["deprecate", "orders.v1", "--sunset", "soon"], "'soon' is no day; write it like 2027-03-31"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_what_is_refused_is_one_line(catalog, arguments: list[str], said: str) -> None:
    code, out, err = catalog(*arguments)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err


def test_a_service_in_use_before_its_sunset_is_retired_by_force_only(catalog) -> None:
    catalog("approve", "orders.v1")
    catalog("deprecate", "orders.v1", "--sunset", "2099-03-31")

    code, _, err = catalog("retire", "orders.v1")

    assert (code, "was promised to answer until 2099-03-31" in err) == (1, True)
    assert catalog("retire", "orders.v1", "--force")[0] == 0


def test_operations_are_searched_by_words_and_more(catalog) -> None:
    code, out, _ = catalog("search", "cancel", "order", "--json")
    best = json.loads(out)[0]
    table = catalog("search", "cancel", "--effect", best["effect"], "--owner", "orders")[1]

    assert (code, best["operation"], best["state"]) == (0, "cancel_pending_order", "draft")
    assert "cancel_pending_order" in table
    assert json.loads(catalog("search", "cancel", "--state", "retired", "--json")[1]) == []


def test_a_state_that_is_none_is_refused(catalog) -> None:
    code, _, err = catalog("search", "--state", "young")

    assert (code, "'young' is no state; the states are draft, pending, approved" in err) == (1, True)


@pytest.fixture
def keys(catalog, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Run `callboard keys …`, with something on its standard input."""

    def run(*arguments: str, said: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        code = run_command(["keys", *arguments])
        return (code, *capsys.readouterr())

    return run


def test_a_team_enrols_its_key_by_a_code_and_replaces_it(keys, home: Path) -> None:
    code = keys("invite", "billing")[1]
    enrolled = keys("enrol", "billing", said=code)
    again = keys("enrol", "billing", said=code)
    first = SigningKey.load(home / "keys" / "billing.pem", team="billing")
    rotated = keys("rotate", "billing", "--days", "2")
    second = SigningKey.load(home / "keys" / "billing.pem", team="billing")
    listed = json.loads(keys("list", "billing", "--json")[1])
    revoked = keys("revoke", "billing", first.key_id, "--as-team")

    assert [each[0] for each in (enrolled, again, rotated, revoked)] == [0, 1, 0, 0]
    assert "used or too old" in again[2]
    assert {each["key_id"]: each["expires"] is None for each in listed} == {first.key_id: False, second.key_id: True}
    assert second.key_id in keys("list", "billing")[1]
    assert first.key_id not in keys("list", "billing")[1]
    assert "no, revoked" in keys("list", "billing", "--past")[1]
    assert not (home / "keys" / "billing.pem.next").exists()


@pytest.mark.parametrize("proof", ["a team's key", "the administrator's token", "nothing"])
def test_a_command_reads_with_what_lies_in_the_home_where_reading_needs_a_token(
    home: Path, make_registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proof: str
) -> None:
    key = SigningKey.generate("orders")
    (home / "keys").mkdir(exist_ok=True)
    if proof == "a team's key":
        key.save(home / "keys" / "orders.pem")
    elif proof == "the administrator's token":
        (home / "registry-admin-token").write_text(ADMINISTRATOR)

    async def fill(address: str) -> None:
        async with RegistryClient(address, administrator_token=ADMINISTRATOR, sign=registry_signature(key)) as client:
            await client.register_key("orders", key.key_id, key.public_key.public_bytes)
            await client.publish_listing(ORDERS.model_dump_json().encode())

    with make_registry(home, reading_needs_token=True) as running:
        asyncio.run(fill(running.address))
        monkeypatch.setenv("CALLBOARD_REGISTRY", running.address)
        monkeypatch.delenv("CALLBOARD_REGISTRY_ADMIN_TOKEN", raising=False)
        code = run_command(["catalog", "list"])

    said = capsys.readouterr()
    if proof == "nothing":
        assert code != 0 and "reading needs a token here" in said.err
    else:
        assert code == 0 and "orders.v1" in said.out
