"""`callboard budgets` and `callboard spend` on a registry: who may spend how much, and who spent what."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callboard.command import run_command
from callboard_kit.identity import SigningKey
from callboard_kit.publishing import registry_signature
from callboard_registry_api.budgets import DOLLAR, BlockUse, BlockWish, ModelUse
from callboard_registry_api.client import RegistryClient

ADMINISTRATOR = "administrator-for-tests"
NOW = datetime.now(UTC)
USES = (
    ModelUse(
        key="run-1/1",
        root="tree-1",
        caller="support",
        operation="orders.v1.assist",
        model="large",
        at=NOW,
        input_tokens=1_200,
        output_tokens=34,
        cost=DOLLAR // 4,
    ),
    ModelUse(
        key="run-2/1",
        root="tree-2",
        caller="orchestrator",
        operation="orders.v1.assist",
        model="our-own",
        at=NOW,
        input_tokens=10,
        output_tokens=5,
        cost=None,
    ),
)
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def registry(home: Path, make_registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A registry that knows the orders team, whose key is in the home."""
    key = SigningKey.generate("orders")
    (home / "keys").mkdir(parents=True, exist_ok=True)
    key.save(home / "keys" / "orders.pem")

    async def enrol(address: str) -> None:
        async with RegistryClient(address, administrator_token=ADMINISTRATOR) as client:
            await client.register_key("orders", key.key_id, key.public_key.public_bytes)

    with make_registry(home) as running:
        asyncio.run(enrol(running.address))
        monkeypatch.setenv("CALLBOARD_REGISTRY", running.address)
        monkeypatch.setenv("CALLBOARD_REGISTRY_ADMIN_TOKEN", ADMINISTRATOR)
        monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
        monkeypatch.setenv("COLUMNS", "200")
        yield running.address


@pytest.fixture
def command(registry: str, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_command(arguments)
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def orders(home: Path, registry: str) -> Callable[[str], None]:
    """Have a worker of the orders team report what it spent."""
    key = SigningKey.load(home / "keys" / "orders.pem", team="orders")

    async def work() -> None:
        async with RegistryClient(registry, sign=registry_signature(key)) as client:
            await client.budgets.report(USES)
            [block] = await client.budgets.use("w1", wishes=[BlockWish(caller="support", tokens=1_000)])
            if block.block:
                await client.budgets.use("w1", uses=[BlockUse(block=block.block, tokens=1_234, cost=0, closed=False)])

    return lambda _="": asyncio.run(work())


def test_a_budget_is_set_shown_and_taken_away(command: Command):
    made = command("budgets", "set", "orders", "--usd", "200", "--tokens", "50000000", "--by", "month")
    shown = command("budgets", "show", "orders", "--json")
    gone = command("budgets", "set", "orders", "--none")
    none = command("budgets", "list")

    assert made[0] == 0
    assert made[2] == (
        "'orders' may spend 50,000,000 tokens, US$ 200.00 by month; 50,000,000 tokens, US$ 200.00 left\n"
    )
    [budget] = json.loads(shown[1])
    assert budget.pop("changed")
    assert budget == {
        "team": "orders",
        "caller": "",
        "period": "month",
        "limit": {"tokens": 50_000_000, "cost_usd": 200.0},
        "spent": {"tokens": 0, "cost_usd": 0.0},
        "held": {"tokens": 0, "cost_usd": 0.0},
        "author": "administrator",
    }
    assert gone[2] == "'orders' has no budget by month any more\n"
    assert "no team has a budget; set one with 'callboard budgets set TEAM --usd 100 --by month'" in none[2]


def test_a_team_sets_its_own_budget_with_its_key_and_no_other_team_s(command: Command):
    own = command("budgets", "set", "orders", "--tokens", "5", "--by", "day", "--caller", "support", "--as-team")
    foreign = command("budgets", "set", "billing", "--tokens", "5", "--as-team")
    [budget] = json.loads(command("budgets", "list", "--json")[1])

    assert own[0] == 0
    assert (budget["caller"], budget["period"], budget["author"]) == ("support", "day", "orders")
    assert foreign[0] == 1
    assert foreign[2].startswith("callboard: team 'billing' has no key at ")


def test_what_is_spent_and_held_is_told_beside_the_limit(command: Command, orders: Callable[[], None]):
    command("budgets", "set", "orders", "--tokens", "40000", "--by", "day")
    orders()

    [budget] = json.loads(command("budgets", "list", "--json")[1])
    table = command("budgets", "list")[1]

    assert (budget["spent"]["tokens"], budget["limit"]["tokens"]) == (1_234, 40_000)
    assert budget["held"]["tokens"] == 2_000 - 1_234
    assert "40,000 tokens" in table
    assert "38,000 tokens" in table


def test_spending_is_told_apart_as_asked(command: Command, orders: Callable[[], None]):
    orders()

    by_model = json.loads(command("spend", "--by", "model", "--json")[1])
    by_caller_and_day = json.loads(command("spend", "--by", "caller", "--by", "day", "--json")[1])
    of_support = json.loads(command("spend", "--caller", "support", "--json")[1])
    table = command("spend", "--by", "operation", "--by", "model", "--since", "7d")

    assert [(row["model"], row["model_calls"], row["input_tokens"], row["cost_usd"]) for row in by_model] == [
        ("large", 1, 1_200, 0.25),
        ("our-own", 1, 10, None),
    ]
    assert {(row["caller"], row["day"]) for row in by_caller_and_day} == {
        ("support", f"{NOW:%Y-%m-%d}"),
        ("orchestrator", f"{NOW:%Y-%m-%d}"),
    }
    assert [(row["team"], row["output_tokens"]) for row in of_support] == [("orders", 34)]
    assert "orders.v1.assist" in table[1]
    assert "0.2500" in table[1]
    assert "unknown" in table[1]
    assert "some prices are not known" in table[2]


def test_that_nothing_was_spent_is_said(command: Command):
    code, _, err = command("spend", "--since", "1d")

    assert code == 0
    assert "nothing was called or spent since" in err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            ("budgets", "set", "orders"),
            "say how much with --tokens, --usd or both, or take the budget away with --none",
        ),
        (("budgets", "set", "orders", "--tokens", "1", "--none"), "say how much with --tokens"),
        (
            ("budgets", "set", "orders", "--tokens", "1", "--by", "week"),
            "'week' is no period; budgets are by day or by month",
        ),
        (("budgets", "set", "Or ders", "--tokens", "1"), "is no team"),
        (("budgets", "set", "orders", "--none"), "there is no such budget; `callboard budgets list` shows them"),
        (("budgets", "show", "orders"), "team 'orders' has no budget; set one with"),
        (("spend", "--by", "moon"), "spending is not told apart by 'moon'; use team, caller, operation, model, day"),
        (("spend", "--since", "soon"), "'soon'"),
    ],
)
def test_what_makes_no_sense_is_one_line(command: Command, line: tuple[str, ...], said: str):
    code, out, err = command(*line)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("callboard: ")
    assert said in err
