"""`callboard audit` and `catalog callers` on a registry: who called what, and who depends on whom."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callboard.command import run_command
from callboard.command.audit import moment
from callboard.failures import CommandError
from callboard_kit.discretion import entity_digest
from callboard_kit.identity import SigningKey
from callboard_kit.publishing import registry_signature
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.model import CallRecord

ADMINISTRATOR = "administrator-for-tests"
NOW = datetime.now(UTC)
STARTED = CallRecord(
    root="tree-1",
    token_id="call-1",
    caller="support",
    endpoint="orders",
    service="orders.v1",
    operation="cancel_pending_order",
    start=NOW - timedelta(minutes=10),
    outcome="started",
    entity="#W1",
    revision="sha256:0",
)
ENDED = replace(STARTED, outcome="ok", duration=timedelta(seconds=1.5), reason="whoever-asks", input_tokens=12)
REFUSED = replace(ENDED, root="tree-2", token_id="call-2", outcome="refused", reason="it was shipped", entity="#W2")
RUNNING = replace(STARTED, root="tree-2", token_id="call-3", operation="assist", entity="")
PAID = replace(ENDED, token_id="call-4", operation="pay", entity=entity_digest("card-1"), caller="billing")


@pytest.fixture
def registry(home: Path, make_registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A registry that was told of calls of the orders team, and of what the support team says it calls."""

    async def fill(address: str) -> None:
        for team in ("orders", "support", "inventory"):
            key = SigningKey.generate(team)
            async with RegistryClient(
                address, administrator_token=ADMINISTRATOR, sign=registry_signature(key)
            ) as client:
                await client.register_key(team, key.key_id, key.public_key.public_bytes)
                if team == "orders":
                    # The whole of the tests may take longer than these calls are old.
                    late = datetime.now(UTC) - timedelta(minutes=10)
                    calls = [STARTED, ENDED, REFUSED, RUNNING, PAID]
                    await client.report_calls([replace(call, start=late) for call in calls])
                else:
                    await client.audit.declare(team, ["orders.v1"])

    with make_registry(home) as running:
        asyncio.run(fill(running.address))
        monkeypatch.setenv("CALLBOARD_REGISTRY", running.address)
        monkeypatch.setenv("COLUMNS", "200")
        yield running.address


@pytest.fixture
def command(registry: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_command(arguments)
        return (code, *capsys.readouterr())

    return run


def shown(found: tuple[int, str, str]) -> list[tuple[str, str]]:
    assert found[0] == 0, found
    return [(each["token_id"], each["outcome"]) for each in json.loads(found[1])]


def test_every_call_is_shown_once_by_how_it_ended_or_as_started(command) -> None:
    assert sorted(shown(command("audit", "--json"))) == [
        ("call-1", "ok"),
        ("call-2", "refused"),
        ("call-3", "started"),
        ("call-4", "ok"),
    ]


def test_a_table_says_who_called_what_and_how_it_ended(command) -> None:
    code, table, _ = command("audit", "--operation", "orders.v1.cancel_pending_order", "--root", "tree-1")

    assert code == 0
    [_, row] = table.splitlines()
    assert row.split()[2:] == [
        "support",
        "orders.v1.cancel_pending_order",
        "#W1",
        "ok",
        "1.5",
        "s",
        "12",
        "tree-1",
        "whoever-asks",
    ]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--root", "tree-2"), ["call-2", "call-3"]),
        (("--team", "billing"), ["call-4"]),
        (("--operation", "assist"), ["call-3"]),
        (("--entity", "#W2"), ["call-2"]),
        (("--entity", "card-1"), ["call-4"]),
        (("--outcome", "refused"), ["call-2"]),
        (("--outcome", "started"), ["call-1", "call-3"]),
        (("--since", "5m"), []),
        (("--since", "15m", "--limit", "1", "--outcome", "refused"), ["call-2"]),
    ],
)
def test_calls_are_found_by_whatever_is_known_of_them(command, options: tuple[str, ...], found: list[str]) -> None:
    assert sorted(token for token, _ in shown(command("audit", "--json", *options))) == found


def test_who_says_and_who_was_seen_are_told_apart(command) -> None:
    code, out, _ = command("catalog", "callers", "orders.v1", "--json")

    assert code == 0
    assert {(each["team"], each["declared"], each["seen"], each["operation"]) for each in json.loads(out)} == {
        ("billing", False, True, "pay"),
        ("inventory", True, False, ""),
        ("support", True, True, "cancel_pending_order"),
    }
    [support] = [each for each in json.loads(out) if each["team"] == "support"]
    assert (support["calls"], support["errors"], support["error_rate"]) == (2, 1, 0.5)


def test_callers_of_one_operation_are_a_table(command) -> None:
    code, table, _ = command("catalog", "callers", "orders.v1", "--operation", "pay")

    assert code == 0
    assert "billing" in table
    assert "cancel_pending_order" not in table


def test_nothing_found_says_what_to_do(command) -> None:
    assert "ask for more with --since" in command("audit", "--root", "none")[2]
    assert "'callboard catalog list'" in command("catalog", "callers", "none.v1")[2]
    assert "no observer has looked yet" in command("audit", "--positions")[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("audit", "--since", "yesterday"), "'yesterday' is no time; use one like 90m"),
        (("audit", "--outcome", "good"), "'good' is no outcome; the outcomes are started, ok"),
    ],
)
def test_what_makes_no_sense_is_said_on_one_line(command, arguments: tuple[str, ...], words: str) -> None:
    code, out, errors = command(*arguments)

    assert (code, out) == (1, "")
    assert errors.startswith(f"callboard: {words}")
    assert len(errors.splitlines()) == 1


def test_a_time_may_be_a_span_or_a_day_or_a_moment() -> None:
    assert abs(datetime.now(UTC) - timedelta(hours=12) - moment("12h")) < timedelta(seconds=5)
    assert moment("2026-11-21") == datetime(2026, 11, 21, tzinfo=UTC)
    assert moment("2026-11-21T08:30+02:00") == datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
    with pytest.raises(CommandError):
        moment("999999w")
