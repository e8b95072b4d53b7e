"""What happened is known, also where nobody told of it: the audit is derived from what Temporal keeps."""

import uuid
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.playing.stage import Stage
from tests.playing.tasks import Task, own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)

TASK = "cancel-to-gift-card"


async def test_calls_made_while_the_registry_was_away_are_in_the_audit(stage: Stage) -> None:
    tasks = own()
    [task] = [each for each in tasks.tasks if each.id == TASK]
    await stage.fill(tasks)
    told, last = await _play(stage, task)
    await until(lambda: _all_told(stage, told, last), within=60)
    expected = Counter(map(_line, await _records(stage, told)))

    await stage.fill(tasks)
    await stage.take_away("registry")
    try:
        lost, _ = await _play(stage, task)
    finally:
        await stage.bring_back("registry")

    found: Counter[tuple[object, ...]] = Counter()

    async def made_up_for() -> bool:
        found.clear()
        found.update(map(_line, await _records(stage, lost)))
        return found == expected

    try:
        await until(made_up_for, within=60)
    except TimeoutError:
        pytest.fail(f"missing {dict(expected - found)}, too much {dict(found - expected)}")
    assert any(record["derived"] for record in await _records(stage, lost))


async def _play(stage: Stage, task: Task) -> tuple[str, str]:
    """Return the run's root, and the operation that it called last."""
    root = f"audit-{uuid.uuid4().hex[:8]}"
    settled = await (await stage.begin(task, root=root)).result()
    return root, settled.calls[-1].operation


async def _all_told(stage: Stage, root: str, last: str) -> bool:
    outcomes: dict[str, set[str]] = {}
    operations: set[str] = set()
    for record in await _records(stage, root):
        outcomes.setdefault(record["token_id"], set()).add(record["outcome"])
        operations.add(record["operation"])
    return last in operations and all(each != {"started"} for each in outcomes.values())


async def _records(stage: Stage, root: str) -> list[dict[str, Any]]:
    listings = stage.stack.plan.links["registry"]
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.get(listings.replace("/listings", "/calls"), params={"root": root, "page_size": 1000})
    return answer.raise_for_status().json()["calls"]


def _line(record: dict[str, Any]) -> tuple[object, ...]:
    """Return what is the same of a call each time that the same task is played."""
    names = ("caller", "person", "endpoint", "service", "operation", "revision", "entity", "outcome", "reason")
    return (*(record[name] for name in names), record["usage"]["output_tokens"])
