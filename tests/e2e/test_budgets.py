"""Budgets where they count: over agents in several namespaces, and over the days of a team."""

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from callboard.stack.enrolment import administrator_token
from callboard_kit.limits import Limits
from callboard_orchestrator.client import start_orchestrate
from callboard_orchestrator.messages import Settled
from callboard_registry_api.client import RegistryClient
from tests.playing.histories import conversation
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(120)

heard: list[str] = []
"""What the orchestrator's model heard last from those it asked."""


@pytest.fixture
async def registry(stage: Stage) -> AsyncIterator[RegistryClient]:
    await stage.fill(own())
    address = stage.environment["CALLBOARD_REGISTRY"]
    async with RegistryClient(address, administrator_token=administrator_token(stage.home)) as client:
        yield client


async def delegate(stage: Stage, *teams: str, limits: Limits | None = None) -> Settled:
    """Have the orchestrator's model ask the agents of several teams at the same time; each of them just answers."""
    words = f"budget {uuid.uuid4().hex}"
    goals = {team: f"{words} for {team}" for team in teams}
    asked = [{"name": f"{team}_v1__assist", "arguments": {"goal": goal}} for team, goal in goals.items()]
    await stage.rehearse(
        _script(words, {"tool_calls": asked}, {"content": "All said."}),
        *(_script(goal, {"content": f"{team} says so."}) for team, goal in goals.items()),
    )
    handle = await start_orchestrate(await stage.client("orchestrator"), words, limits=limits)
    settled = await handle.result()
    heard[:] = [repr(told) for told in conversation(await handle.fetch_history())]
    return settled


def _script(match: str, *steps: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"id": match, "match": match, "equals": True, "steps": list(steps)}


def tokens(settled: Settled) -> int:
    return settled.usage.input_tokens + settled.usage.output_tokens


async def test_agents_in_other_namespaces_spend_what_is_their_tree_s_and_together_no_more(
    stage: Stage, registry: RegistryClient
):
    freely = await delegate(stage, "orders", "customers")
    assert (freely.stopped_because, len(freely.calls)) == ("answered", 2)

    # As much as it takes, and nothing for the worst case of its last step.
    limits = Limits(tokens=tokens(freely))
    held = await delegate(stage, "orders", "customers", limits=limits)

    assert held.stopped_because == "max_tokens"
    assert 0 < tokens(held) <= limits.tokens


async def test_a_team_s_budget_stops_its_agent_with_what_it_has_and_the_ledger_says_who_spent_it(
    stage: Stage, registry: RegistryClient
):
    await delegate(stage, "inventory")
    await registry.budgets.set("inventory", period="day", tokens=50)
    try:

        async def is_refused() -> bool:
            settled = await delegate(stage, "inventory")
            return settled.usage.model_calls == 2 and "budget of team 'inventory' by day" in "".join(heard)

        # A worker believes for ten seconds that there is no budget.
        await until(is_refused, within=60)
    finally:
        await registry.budgets.remove("inventory", period="day")

    async def is_told() -> bool:
        rows = await registry.budgets.spending(("caller", "operation"), team="inventory")
        return any(
            (row.caller, row.operation, row.model_calls > 0, row.calls > 0)
            == ("orchestrator", "inventory.v1.assist", True, True)
            for row in rows
        )

    await until(is_told, within=60)
