"""`callboard contracts check|diff|publish` and `catalog approve --override` where something is in force."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard.command import run_command
from callboard_contracts import ServiceDescription, describe, service_named
from callboard_kit.identity import SigningKey
from callboard_kit.publishing import registry_signature
from callboard_registry_api.client import RegistryClient

ADMINISTRATOR = "administrator-for-tests"

Run = Callable[..., tuple[int, str, str]]
Publish = Callable[[dict[str, Any]], str]


def orders() -> dict[str, Any]:
    return describe(service_named("orders.v1")).model_dump(mode="json")


def cancel(document: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in document["operations"] if each["name"] == "cancel_pending_order")


def with_note(document: dict[str, Any]) -> dict[str, Any]:
    cancel(document)["input"]["properties"]["note"] = {"type": "string"}
    return document


def taking_more(document: dict[str, Any]) -> dict[str, Any]:
    """Something that callers may send and what is installed does not take."""
    cancel(document)["input"]["properties"]["reason"]["enum"].append("changed my mind")
    return document


def with_a_format(document: dict[str, Any]) -> dict[str, Any]:
    cancel(document)["input"]["properties"]["order_id"]["format"] = "shoe-size"
    return document


@pytest.fixture
def key(home: Path) -> SigningKey:
    key = SigningKey.generate("orders")
    (home / "keys").mkdir(exist_ok=True)
    key.save(home / "keys" / "orders.pem")
    return key


@pytest.fixture
def publish(home: Path, key: SigningKey, make_registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publish]:
    """Publish a listing of the orders team, and return its digest; there is a registry as long as the test runs."""
    with make_registry(home) as running:
        monkeypatch.setenv("CALLBOARD_REGISTRY", running.address)
        monkeypatch.setenv("CALLBOARD_REGISTRY_ADMIN_TOKEN", ADMINISTRATOR)

        async def enrol() -> None:
            async with RegistryClient(running.address, administrator_token=ADMINISTRATOR) as client:
                await client.register_key("orders", key.key_id, key.public_key.public_bytes)

        async def send(document: dict[str, Any]) -> str:
            document["digest"] = ServiceDescription.model_validate(document).observable_digest()
            async with RegistryClient(running.address, sign=registry_signature(key)) as client:
                return (await client.publish_listing(json.dumps(document).encode())).digest

        asyncio.run(enrol())
        yield lambda document: asyncio.run(send(document))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; returns its exit code, its output and what it said beside."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_command(arguments)
        return (code, *capsys.readouterr())

    return run


def test_a_contract_is_checked_against_what_is_in_force(publish: Publish, run: Run) -> None:
    assert run("contracts", "check", "orders.v1")[:2] == (
        0,
        "compatible, revision 1.0.0: there is nothing in force that it could break\n",
    )
    publish(taking_more(orders()))
    assert run("contracts", "check", "orders.v1")[0] == 0  # a draft is nobody's promise

    run("catalog", "approve", "orders.v1")
    code, out, _ = run("contracts", "check", "orders.v1")
    machine = run("contracts", "check", "orders.v1", "--json")

    assert (code, machine[0]) == (2, 2)
    assert out.splitlines()[0] == "incompatible: it breaks callers; publish it as orders.v2, or take that back"
    found = json.loads(machine[1])
    assert (found["verdict"], found["findings"][0]["counterexample"]["reason"]) == ("incompatible", "changed my mind")


def test_a_file_is_checked_against_what_is_in_force(publish: Publish, run: Run, tmp_path: Path) -> None:
    publish(orders())
    run("catalog", "approve", "orders.v1")
    codes: dict[str, int] = {}
    for name, document in {
        "more": with_note(orders()),
        "unsure": with_a_format(orders()),
        "reworded": {**orders(), "summary": "Orders."},
    }.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(document))
        code, out, _ = run("contracts", "check", str(file))
        codes[out.partition(":")[0].partition("\n")[0]] = code

    assert codes == {"compatible, revision 1.1.0": 0, "unknown, revision 1.1.0": 3, "compatible, revision 1.0.1": 0}


def test_publishing_says_what_it_does_to_callers(publish: Publish, run: Run) -> None:
    publish(with_note(orders()))
    run("catalog", "approve", "orders.v1")

    dry = run("contracts", "publish", "orders", "--dry-run")
    done = run("contracts", "publish", "orders")

    warning = "    warning: cancel_pending_order, input: /note is not looked at any more [dropped]\n"
    for code, out, _ in (dry, done):
        assert (code, out) == (0, f"orders.v1 1.1.0 (draft)\n  compatible, revision 1.1.0\n{warning}")
    assert (dry[2], done[2]) == (
        "would publish orders.v1 and the policy of orders\n",
        "published orders.v1 and the policy of orders\n",
    )
    assert [each["revision"] for each in json.loads(run("catalog", "revisions", "orders.v1", "--json")[1])] == [
        "1.0.0",
        "1.1.0",
    ]


def test_what_breaks_callers_is_not_published_and_one_line_says_why(publish: Publish, run: Run) -> None:
    publish(taking_more(orders()))
    run("catalog", "approve", "orders.v1")

    code, out, err = run("contracts", "publish", "orders")

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "this would break callers of 'orders.v1': cancel_pending_order, input: the new input does not take" in err
    assert "publish it as 'orders.v2'" in err


def test_what_is_not_known_is_approved_by_override_and_shown_ever_after(publish: Publish, run: Run) -> None:
    publish(orders())
    run("catalog", "approve", "orders.v1")
    publish(with_a_format(orders()))

    plain = run("catalog", "approve", "orders.v1")
    silent = run("catalog", "approve", "orders.v1", "--override")
    own = run("catalog", "approve", "orders.v1", "--override", "--reason", "trust us", "--as", "orders")
    done = run("catalog", "approve", "orders.v1", "--override", "--reason", "all sizes are numbers")

    assert [each[0] for each in (plain, silent, own, done)] == [1, 1, 1, 0]
    assert "approves it with override and a reason" in plain[2]
    assert "an override needs a reason" in silent[2]
    assert "somebody else must approve it" in own[2]
    shown = run("catalog", "show", "orders.v1")[1]
    assert "revision 1.1.0, approved (all sizes are numbers)\n" in shown
    assert "unknown, revision 1.1.0: it could not be decided whether it breaks callers\n" in shown
    assert "approved all the same by administrator on 20" in shown
    data = json.loads(run("catalog", "show", "orders.v1", "--json")[1])["listing"]
    assert data["verdict"]["override"]["reason"] == "all sizes are numbers"
    [_, second] = json.loads(run("catalog", "revisions", "orders.v1", "--json")[1])
    assert second["verdict"]["override"]["author"] == "administrator"
    assert "1.1.0" in run("catalog", "revisions", "orders.v1")[1]


def test_a_diff_shows_what_is_different_and_what_that_does(publish: Publish, run: Run) -> None:
    publish(taking_more(with_note(orders())))
    run("catalog", "approve", "orders.v1")

    code, out, _ = run("contracts", "diff", "orders.v1")

    assert (code, out.splitlines()) == (
        0,
        [
            "orders.v1: 1.0.0 → what is installed here",
            "  cancel_pending_order",
            '    - input /reason: value "changed my mind"',
            "    - input /note (string)",
            "incompatible: it breaks callers; publish it as orders.v2, or take that back",
            '  cancel_pending_order, input: the new input does not take "changed my mind" at /reason, and an old caller'
            " may send it [enum /properties/reason/enum]",
            '    for example {"reason": "changed my mind", "order_id": "a"}',
            "  warning: cancel_pending_order, input: /note is not looked at any more [dropped]",
        ],
    )


def test_two_revisions_are_compared_by_number_or_digest(publish: Publish, run: Run) -> None:
    first = publish(orders())
    run("catalog", "approve", "orders.v1")
    publish(with_note(orders()))
    run("catalog", "approve", "orders.v1")

    by_number = run("contracts", "diff", "orders.v1", "--from", "1.0.0", "--to", "1.1.0")
    by_digest = run("contracts", "diff", "orders.v1", "--from", first.removeprefix("sha256:")[:9], "--to", "1.1.0")
    machine = json.loads(run("contracts", "diff", "orders.v1", "--from", "1.0.0", "--to", "1.1.0", "--json")[1])

    assert by_number == by_digest
    assert by_number[1].splitlines() == [
        "orders.v1: 1.0.0 → 1.1.0",
        "  cancel_pending_order",
        "    + input /note (string, may be left out)",
        "compatible, revision 1.1.0",
    ]
    assert (machine["verdict"], machine["from"], [each["what"] for each in machine["differences"]]) == (
        "compatible",
        "1.0.0",
        ["/note (string, may be left out)"],
    )


def test_two_files_are_compared_without_a_registry(run: Run, tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(orders()))
    changed = orders()
    cancel(changed)["promise"]["latency_seconds"] = 3.0
    new.write_text(json.dumps(changed))

    code, out, _ = run("contracts", "diff", str(old), str(new))

    assert (code, out.splitlines()) == (
        0,
        [
            f"orders.v1: {old} → {new}",
            "  cancel_pending_order",
            "    ~ promise latency_seconds: 2.0 → 3.0",
            "compatible",
            "  warning: cancel_pending_order: aimed to answer within 2 s, aims at 3 s [latency]",
        ],
    )


WRONG = {
    "no such revision": (
        ["contracts", "diff", "orders.v1", "--from", "9.9.9"],
        "has no revision with the number '9.9.9'",
    ),
    "nothing in force": (["contracts", "diff", "orders.v1"], "name a revision with --from"),
    "revisions of files": (
        ["contracts", "diff", "a.json", "b.json", "--from", "1.0.0"],
        "leave them out with two files",
    ),
    "no such service": (["catalog", "revisions", "order.v1"], "the registry holds no service 'order.v1'"),
    "approved and dry": (["contracts", "publish", "orders", "--approve", "--dry-run"], "contradict each other"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(publish: Publish, run: Run, arguments: list[str], said: str) -> None:
    publish(orders())

    code, out, err = run(*arguments)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err
