"""The same key and the same request get the first result; the same key for something else is refused."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
from desk_room import Done, Job, Left, Right, Step, Work, desk
from temporalio.client import Client

from callboard_contracts import MeshError, RefusedError
from callboard_kit import Policy, Rule, mesh
from callboard_kit.testing import LocalMesh

TEAMS = ("left", "asker", "other")
OPEN = Policy(rules=(Rule(name="all", callers=("*",), services=("left.v1",), on_behalf_of=("*",)),))


@pytest.fixture(scope="module")
async def clients() -> AsyncGenerator[dict[str, Client]]:
    async with (
        LocalMesh.running(teams=TEAMS) as local,
        local.member("left", services=[desk(Left)], workflows=[Work], policy=OPEN, contracts=[Left, Right]),
    ):
        yield {team: await local.client(team, contracts=[Left, Right]) for team in ("asker", "other")}


async def ask(client: Client, key: str, job: Job, *, operation: str = "change") -> Done:
    left: Any = client.create_nexus_client(service=Left, endpoint="left")
    with mesh.idempotency_key(key):
        return await left.execute_operation(
            getattr(Left, operation),
            job,
            id=f"ask-{uuid.uuid4().hex[:8]}",
            schedule_to_close_timeout=timedelta(seconds=20),
        )


def new_job(*steps: Step) -> Job:
    return Job(record=uuid.uuid4().hex[:8], steps=steps)


async def test_the_same_key_gets_the_first_result_while_the_work_goes_on_and_when_it_is_over(
    clients: dict[str, Client],
):
    job = new_job(Step(sleep=1))

    both = await asyncio.gather(*(ask(clients["asker"], "k1", job) for _ in range(2)))
    later = await ask(clients["asker"], "k1", job)

    assert both[0] == both[1] == later  # Every run has a fencing token of its own.


async def test_what_a_newer_caller_writes_out_and_an_older_leaves_out_is_the_same_request(clients: dict[str, Client]):
    job = new_job()
    first = await ask(clients["asker"], "k2", job)
    left: Any = clients["asker"].create_nexus_client(service="left.v1", endpoint="left")

    with mesh.idempotency_key("k2"):
        again = await left.execute_operation(
            "change",
            {"record": job.record},
            id=f"ask-{uuid.uuid4().hex[:8]}",
            result_type=Done,
            schedule_to_close_timeout=timedelta(seconds=20),
        )

    assert again == first


@pytest.mark.parametrize("slow", [False, True])
async def test_the_same_key_for_something_else_is_refused(clients: dict[str, Client], slow: bool):
    key = f"k3-{slow} with blanks"
    first = asyncio.create_task(ask(clients["asker"], key, new_job(*([Step(sleep=2)] if slow else []))))
    await asyncio.wait({first}, timeout=1 if slow else None)

    with pytest.raises(RefusedError, match=f"^idempotency key '{key}' was used before to ask for something else: give"):
        await ask(clients["asker"], key, new_job())
    await first


async def test_two_that_come_at_once_with_one_key_and_two_requests_never_share_a_result(clients: dict[str, Client]):
    jobs = [new_job(Step(sleep=0.2)) for _ in range(2)]

    ended = await asyncio.gather(*(ask(clients["asker"], "k4", job) for job in jobs), return_exceptions=True)

    assert {type(each) for each in ended} == {Done, RefusedError}
    [done] = [each for each in ended if isinstance(each, Done)]
    assert list(done.fences) == [f"record-{jobs[ended.index(done)].record}"]


async def test_keys_of_two_teams_and_of_two_operations_never_meet(clients: dict[str, Client]):
    jobs = [new_job(), new_job(), new_job()]

    one = await ask(clients["asker"], "k5", jobs[0])
    two = await ask(clients["other"], "k5", jobs[1])
    three = await ask(clients["asker"], "k5", jobs[2], operation="plain")

    assert list(one.fences) != list(two.fences)
    assert three.fences == {}


async def test_work_that_failed_may_be_asked_for_again(clients: dict[str, Client]):
    # The second answers, once nobody holds the record.
    job = new_job()
    holder = asyncio.create_task(ask(clients["asker"], "k6-holder", job.model_copy(update={"steps": (Step(sleep=3),)})))
    await asyncio.wait({holder}, timeout=0.5)
    left: Any = clients["asker"].create_nexus_client(service=Left, endpoint="left")
    with mesh.idempotency_key("k6"), pytest.raises(MeshError, match="has been held by"):
        await left.execute_operation(
            Left.change, job, id=f"ask-{uuid.uuid4().hex[:8]}", schedule_to_close_timeout=timedelta(seconds=2)
        )
    await holder

    assert (await ask(clients["asker"], "k6", job)).fences


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_cannot_travel_is_refused_before_anything_is_sent(key: str):
    with pytest.raises(RefusedError, match="an idempotency key has"), mesh.idempotency_key(key):
        pass
