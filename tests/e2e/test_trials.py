"""Experiments and shadows by the command, on the whole mesh: another build of the orders team beside its first."""

import asyncio
import json

import pytest

from callboard_kit.trials.shadow import REPORT, ShadowReport
from tests.e2e.test_rollouts import Shell, worker
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)

ELSEWHERE = {
    "order_id": "#W1484455",
    "address1": "1 Harbour Road",
    "address2": "",
    "city": "Savannah",
    "state": "GA",
    "country": "USA",
    "zip": "31440",
}


async def test_another_build_is_held_against_the_one_that_serves(stage: Stage):
    shell = Shell(stage)
    await stage.fill(own())
    standing = (await stage.client("orders")).get_workflow_handle("orders-shadow", result_type=ShadowReport)

    async def compared() -> bool:
        # Workers hear of a shadow a few seconds after it began: until then nothing is copied.
        moved = await stage.call("orchestrator", "orders.v1", "modify_pending_order_address", ELSEWHERE)
        assert moved["address"]["address1"] == "1 Harbour Road"
        return (await standing.query(REPORT, result_type=ShadowReport)).made > 0

    async with worker(stage, "candidate"):
        begun, copied = await asyncio.gather(
            shell(
                *("experiment", "start", "orders", "--build", "candidate", "--share", "30"),
                *("--operation", "cancel_pending_order"),
            ),
            shell(
                *("shadow", "start", "orders", "--build", "candidate", "--share", "100", "--most", "1"),
                *("--operation", "modify_pending_order_address"),
            ),
        )
        assert (begun[0], copied[0]) == (0, 0), (begun[2], copied[2])
        await until(compared, within=60)
        await standing.result()
        told, ended, shown = await asyncio.gather(
            shell("experiment", "report", "orders", "--json"),
            shell("experiment", "stop", "orders"),
            shell("shadow", "report", "orders"),
        )
        assert (told[0], ended[0], shown[0]) == (0, 0, 0), (told[2], ended[2], shown[2])
    report = json.loads(told[1])

    assert "30 % to build candidate" in begun[2]
    assert report["units"] == {"a": 0, "b": 0}
    assert {each["verdict"] for each in report["effects"]} == {"not enough data"}
    assert "1 copies made, 1 compared, 0 not compared" in shown[1]
    assert "the same in everything: 1 of 1" in shown[1]
