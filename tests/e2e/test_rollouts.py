"""Rollouts by the command, on the whole mesh: a second build of the orders team beside its first."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callboard_kit.registry import registry_client
from callboard_kit.rollouts.deployment import Deployment
from callboard_registry_api.health import Worker
from tests.playing.commands import command
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)


class Shell:
    """Says what a command says."""

    def __init__(self, stage: Stage) -> None:
        self._environment = stage.environment

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        said = await command(self._environment, *words)
        return said.code, said.out, said.err

    async def status(self) -> dict[str, Any]:
        code, out, err = await self("rollout", "status", "orders", "--json")
        assert code == 0, err
        return json.loads(out)


def _environment(stage: Stage) -> dict[str, str]:
    ours = ("CALLBOARD_", "TEMPORAL_", "OPENAI_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {**stage.environment}


@asynccontextmanager
async def worker(stage: Stage, build: str, **more: str) -> AsyncIterator[None]:
    """Run one more worker of the orders team until the block ends, once Temporal and the registry have seen it."""
    before = {each.worker for each in await _heard(stage, build)}
    environment = _environment(stage) | {"CALLBOARD_BUILD": build, "CALLBOARD_TAKEOVER": "off", **more}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "callboard_team_orders", env=environment)
    client = await stage.client("orders")
    deployment = Deployment(client, "orders-canary" if "CALLBOARD_CANARY" in more else "orders")

    async def is_there() -> bool:
        assert process.returncode is None, "the worker did not stay"
        seen = await deployment.look()
        # A build that worked here before is still known to Temporal, and its workers to the registry.
        return seen is not None and seen.build(build) is not None and await is_heard()

    async def is_heard() -> bool:
        return any(each.worker not in before and each.state == "alive" for each in await _heard(stage, build))

    try:
        await until(is_there, within=60)
        yield
    finally:
        process.terminate()
        await process.wait()


async def _heard(stage: Stage, build: str) -> list[Worker]:
    async with registry_client(stage.settings) as registry:
        return [each async for each in registry.health.workers(team="orders", past=True) if each.build == build]


@pytest.fixture
def shell(stage: Stage) -> Shell:
    return Shell(stage)


async def test_a_new_build_gets_its_share_all_of_it_and_none_again(stage: Stage, shell: Shell):
    first = (await shell.status())["current"]
    async with worker(stage, "candidate"):
        started = await shell("rollout", "start", "orders", "--ramp", "100")
        ramping = await shell.status()
        promoted = await shell("rollout", "promote", "orders")
        back = await shell("rollout", "rollback", "orders")
        after = await shell.status()

    assert started[2] == f"orders: 100 % of new work go to build candidate, the rest to {first}\n"
    assert (ramping["ramping"], ramping["percent"]) == ("candidate", 100)
    assert [each["metric"] for each in ramping["comparison"]] == ["errors", "refusals", "overdue", "latency", "cost"]
    assert promoted[2] == "orders: all new work goes to build candidate\n"
    assert back[2] == f"orders: all new work goes to build {first}\n"
    assert (after["current"], after["ramping"]) == (first, None)


async def test_what_cannot_be_done_is_said_in_one_line(shell: Shell):
    said = {
        words: await shell("rollout", *words.split())
        for words in (
            "promote orders",
            "start orders --build nonesuch",
            "canary orders --close",
            "move orders --from nonesuch --to other",
        )
    }

    assert {code for code, _, _ in said.values()} == {1}
    assert {words: err.count("\n") for words, (_, _, err) in said.items()} == dict.fromkeys(said, 1)
    assert "nothing of team 'orders' is ramping" in said["promote orders"][2]
    assert "no build 'nonesuch'; it has" in said["start orders --build nonesuch"][2]
    assert "no build 'nonesuch'; it has" in said["move orders --from nonesuch --to other"][2]
    assert "there is no endpoint 'orders-canary'" in said["canary orders --close"][2]


async def test_a_change_of_handlers_is_tried_over_the_canary(stage: Stage, shell: Shell):
    await stage.fill(own())
    assert (await shell("rollout", "canary", "orders"))[0] == 0
    try:
        async with worker(stage, "canary-build", CALLBOARD_CANARY="on", CALLBOARD_TAKEOVER="on"):
            answer = await shell(
                "call", "orders.v1", "get_order_details", "--canary", "--input", '{"order_id": "#W1484455"}'
            )
    finally:
        assert (await shell("rollout", "canary", "orders", "--close"))[0] == 0
    assert answer[0] == 0, answer[2]
