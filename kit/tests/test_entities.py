"""One at a time on a record, on a real server: who gets in, in which order, and who is told what."""

import asyncio
import re
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from desk_room import Done, Job, Left, Right, Step, Work, desk
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, NexusOperationFailureError, WorkflowHandle
from temporalio.service import RPCError

from callboard_contracts import MeshError, UnavailableError
from callboard_kit import Policy, Rule
from callboard_kit.devserver import DevServer, running
from callboard_kit.entities.lock import LOCK, EntityLock
from callboard_kit.entities.messages import Claim, LockState
from callboard_kit.ports import free_ports
from callboard_kit.testing import LocalMesh

TEAMS = ("left", "right", "asker")
OPEN = Policy(
    rules=(Rule(name="all", callers=("*",), services=("left.v1", "right.v1"), on_behalf_of=("*",)),),
)
CONTRACTS = {"left": Left, "right": Right}


class Desks:
    """Two teams and somebody who asks them."""

    def __init__(self, mesh: LocalMesh) -> None:
        self.mesh = mesh
        self.clients: dict[str, Client] = {}

    def ask(
        self, operation: str, job: Job, *, team: str = "left", seconds: float = 30, name: str = ""
    ) -> "asyncio.Task[Done]":
        """Call an operation; the task ends with its answer."""
        contract: Any = CONTRACTS[team]
        client = self.clients["asker"].create_nexus_client(service=contract, endpoint=team)
        work = client.execute_operation(
            getattr(contract, operation),
            job,
            id=name or f"ask-{uuid.uuid4().hex[:8]}",
            schedule_to_close_timeout=timedelta(seconds=seconds),
        )
        return asyncio.create_task(work)

    def lock(self, name: str, team: str = "left") -> WorkflowHandle[EntityLock, None]:
        return self.clients[team].get_workflow_handle_for(EntityLock.run, f"{team}-{name}")

    async def state(self, name: str, team: str = "left") -> LockState:
        return await self.lock(name, team).execute_update(EntityLock.look)

    async def until(self, name: str, holds: Callable[[LockState], bool], team: str = "left") -> LockState:
        """Wait until a lock is as it should be."""
        async with asyncio.timeout(60):
            while True:
                try:
                    state = await self.state(name, team)
                except RPCError:  # There is no such lock, yet or any more.
                    state = LockState(team=team, name=name, shown="")
                if holds(state):
                    return state
                await asyncio.sleep(0.05)

    async def held(self, name: str, team: str = "left") -> WorkflowHandle[Any, Any]:
        """Wait until somebody holds a lock; returns the workflow that does."""
        state = await self.until(name, lambda state: bool(state.holding), team)
        return self.clients[team].get_workflow_handle(state.holding[0].claim.workflow_id)


@pytest.fixture(scope="module")
async def desks() -> AsyncGenerator[Desks]:
    async with LocalMesh.running(teams=TEAMS) as mesh:
        desks = Desks(mesh)
        options: dict[str, Any] = {"workflows": [Work], "policy": OPEN, "contracts": [Left, Right]}
        async with (
            mesh.member("left", services=[desk(Left)], **options) as left,
            mesh.member("right", services=[desk(Right)], **options) as right,
            mesh.member("asker", contracts=[Left, Right]) as asker,
        ):
            desks.clients.update(left=left, right=right, asker=asker)
            yield desks


def record() -> str:
    return f"#{uuid.uuid4().hex[:8]}"


WAIT = Step(wait=True)


def job(name: str, *steps: Step) -> Job:
    return Job(record=name, steps=steps)


async def test_one_call_works_on_a_record_at_a_time(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, WAIT))
    holder = await desks.held(f"record-{name}")
    second = desks.ask("change", job(name))
    await desks.until(f"record-{name}", lambda state: len(state.waiting) == 1)

    await holder.signal("enough")

    one, two = await first, await second
    assert one.fences[f"record-{name}"] < two.fences[f"record-{name}"]


async def test_different_records_and_reads_do_not_wait(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, WAIT))
    holder = await desks.held(f"record-{name}")

    assert (await desks.ask("change", job(record()))).fences
    assert (await desks.ask("read", job(name))).fences == {}
    assert (await desks.ask("change", job(name), team="right")).fences

    await holder.signal("enough")
    await first


async def test_waiters_are_served_in_the_order_of_the_locks_history(desks: Desks):
    name, count = record(), 20
    first = desks.ask("change", job(name, WAIT))
    holder = await desks.held(f"record-{name}")
    waiters = [desks.ask("change", job(name)) for _ in range(count)]
    await desks.until(f"record-{name}", lambda state: len(state.waiting) == count)

    await holder.signal("enough")

    done = await asyncio.gather(first, *waiters)
    assert len({each.fences[f"record-{name}"] for each in done}) == count + 1
    taken, granted = await _takes_and_grants(desks, f"record-{name}")
    assert len(taken) == count + 1
    assert granted == taken[1:]


async def _takes_and_grants(desks: Desks, name: str) -> tuple[list[str], list[str]]:
    """Return who came to a lock, and who was told of their turn, each in the order of its history."""
    taken: list[str] = []
    granted: list[str] = []
    async for event in desks.lock(name).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            request = event.workflow_execution_update_accepted_event_attributes.accepted_request.input
            if request.name != "take":
                continue
            [payload] = request.args.payloads
            taken.append(Claim.model_validate_json(payload.data).workflow_id)
        if event.event_type == EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
            attributes = event.signal_external_workflow_execution_initiated_event_attributes
            granted.append(attributes.workflow_execution.workflow_id)
    return taken, granted


async def test_a_wait_that_ends_says_what_is_held_by_whom_and_how_long(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, WAIT))
    holder = await desks.held(f"record-{name}")

    with pytest.raises(UnavailableError) as refused:
        await desks.ask("change", job(name), seconds=3)

    assert re.fullmatch(
        rf"record '{name}' has been held by left\.v1 change for [2-9]\.\d s: waited [12]\.\d s for it, "
        r"which is all the caller allows; call again later",
        str(refused.value),
    )
    assert (await desks.state(f"record-{name}")).waiting == ()
    await holder.signal("enough")
    await first


async def test_a_cancelled_holder_hands_over(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, WAIT))
    holder = await desks.held(f"record-{name}")
    second = desks.ask("change", job(name))
    await desks.until(f"record-{name}", lambda state: len(state.waiting) == 1)

    await holder.cancel()

    assert (await second).fences
    with pytest.raises(NexusOperationFailureError):
        await first


async def test_a_cancelled_waiter_leaves_the_queue(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, WAIT))
    holder = await desks.held(f"record-{name}")
    second, third = desks.ask("change", job(name)), desks.ask("change", job(name))
    state = await desks.until(f"record-{name}", lambda state: len(state.waiting) == 2)

    await desks.clients["left"].get_workflow_handle(state.waiting[0].claim.workflow_id).cancel()

    await desks.until(f"record-{name}", lambda state: len(state.waiting) == 1)
    await holder.signal("enough")
    ended = await asyncio.gather(first, second, third, return_exceptions=True)
    assert sum(isinstance(each, Done) for each in ended) == 2


async def test_a_holder_that_was_killed_is_passed_over(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, WAIT), seconds=4)
    holder = await desks.held(f"record-{name}")
    second = desks.ask("change", job(name))
    await desks.until(f"record-{name}", lambda state: len(state.waiting) == 1)

    await holder.terminate("killed by the test")

    assert (await second).fences
    with pytest.raises((MeshError, NexusOperationFailureError)):
        await first


async def test_a_waiter_that_was_killed_is_passed_over(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, WAIT))
    holder = await desks.held(f"record-{name}")
    second, third = desks.ask("change", job(name), seconds=5), desks.ask("change", job(name))
    state = await desks.until(f"record-{name}", lambda state: len(state.waiting) == 2)
    await desks.clients["left"].get_workflow_handle(state.waiting[0].claim.workflow_id).terminate("by the test")

    await holder.signal("enough")

    ended = await asyncio.gather(first, second, third, return_exceptions=True)
    assert sum(isinstance(each, Done) for each in ended) == 2


async def test_a_holder_that_runs_keeps_its_record_however_long(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, Step(sleep=5)))
    await desks.held(f"record-{name}")
    second = desks.ask("change", job(name))

    one, two = await first, await second

    assert one.fences[f"record-{name}"] < two.fences[f"record-{name}"]


async def test_what_a_holder_calls_enters_again_and_strangers_wait(desks: Desks):
    name = record()
    nested = Step(
        team="right",
        operation="plain",
        input={"steps": [{"team": "left", "operation": "change", "input": {"record": name}}]},
    )
    first = desks.ask("change", job(name, nested, WAIT))
    holder = await desks.held(f"record-{name}")
    stranger = desks.ask("change", job(name))
    await desks.until(f"record-{name}", lambda state: len(state.waiting) == 1)

    state = await desks.state(f"record-{name}")
    assert [waiting.claim.caller for waiting in state.waiting] == ["asker"]
    await holder.signal("enough")
    assert (await first).answers == ("done", "waited")
    assert (await stranger).fences


async def test_siblings_wait_for_each_other(desks: Desks):
    name = record()
    child = {"record": name, "steps": [{"sleep": 0.4}]}
    both = [Step(team="left", operation="change", input=child, at_once=True) for _ in range(3)]
    seen: list[int] = []
    work = desks.ask("change", job(name, *both))
    while not work.done():
        seen.append(len((await desks.until(f"record-{name}", lambda _: True)).holding))
        await asyncio.sleep(0.03)

    assert (await work).answers == ("done", "done", "done")
    assert max(seen) == 2  # The parent and one of its children.


async def test_an_undo_on_the_teams_own_behalf_enters_the_record_of_what_it_undoes(desks: Desks):
    name = record()
    undo = Step(team="left", operation="change", input={"record": name}, own_behalf=True, seconds=5)

    done = await desks.ask("change", job(name, undo))

    assert done.answers == ("done",)


async def test_several_records_are_taken_in_one_order_whoever_names_them_how(desks: Desks):
    names = [record() for _ in range(4)]
    jobs = [
        Job(records=tuple(order), steps=(Step(sleep=0.05),)) for order in (names, names[::-1], names[1:] + names[:1])
    ]

    done = await asyncio.gather(*(desks.ask("change_all", each) for each in jobs * 2))

    assert all(set(each.fences) == {f"record-{name}" for name in names} for each in done)


async def test_a_deadlock_across_teams_is_refused_with_the_circle_and_the_other_goes_on(desks: Desks):
    one, other = record(), record()
    there = desks.ask(
        "change", job(one, Step(sleep=0.5), Step(team="right", operation="change", input={"record": other}))
    )
    back = desks.ask(
        "change",
        job(other, Step(sleep=0.8), Step(team="left", operation="change", input={"record": one})),
        team="right",
    )

    answers = [*(await there).answers, *(await back).answers]

    [refused] = [each for each in answers if each.startswith("RefusedError")]
    assert answers.count("done") == 1
    assert refused.startswith("RefusedError: a deadlock: ")
    assert (
        f"left.v1 change waits for record '{one}'" in refused
        or f"right.v1 change waits for record '{other}'" in refused
    )
    assert f"record '{one}'" in refused
    assert f"record '{other}'" in refused


async def test_a_record_is_let_go_for_a_long_wait_and_taken_again_after_it(desks: Desks):
    name = record()
    first = desks.ask("change", job(name, WAIT, Step(wait=True, let_go=True)))
    holder = await desks.held(f"record-{name}")
    await holder.signal("enough")
    await desks.until(f"record-{name}", lambda state: not state.holding)

    second = await desks.ask("change", job(name))
    await holder.signal("enough")

    assert (await first).fences[f"record-{name}"] > second.fences[f"record-{name}"]


async def test_a_sensitive_key_is_in_no_lock_and_in_no_message(desks: Desks):
    secret = f"card-{uuid.uuid4().hex}"
    first = desks.ask("keep", Job(secret=secret, steps=(WAIT,)))
    async with asyncio.timeout(60):
        found: Sequence[Any] = ()
        while not found:
            query = f"WorkflowType = '{LOCK}' and ExecutionStatus = 'Running'"
            found = [each async for each in desks.clients["left"].list_workflows(query) if "secret-" in each.id]
            await asyncio.sleep(0.05)
    [lock] = found
    handle = desks.clients["left"].get_workflow_handle_for(EntityLock.run, lock.id)

    with pytest.raises(UnavailableError, match=r"^secret \(kept back\) has been held by left\.v1 keep"):
        await desks.ask("keep", Job(secret=secret), seconds=3)

    state = await handle.execute_update(EntityLock.look)
    assert secret not in lock.id
    assert secret not in state.model_dump_json()
    await desks.clients["left"].get_workflow_handle(state.holding[0].claim.workflow_id).signal("enough")
    await first


async def test_a_lock_that_nobody_needs_ends_and_its_tokens_go_on_growing(desks: Desks):
    name = record()
    first = await desks.ask("change", job(name))
    async with asyncio.timeout(60):
        await desks.lock(f"record-{name}").result()

    second = await desks.ask("change", job(name))

    assert first.fences[f"record-{name}"] < second.fences[f"record-{name}"]


async def test_switched_off_nobody_waits_and_nobody_has_a_token():
    async with LocalMesh.running(teams=("left", "asker")) as mesh:
        mesh.settings = replace(mesh.settings, locks=False)
        options: dict[str, Any] = {"workflows": [Work], "policy": OPEN, "contracts": [Left, Right]}
        async with mesh.member("left", services=[desk(Left)], **options) as left:
            desks = Desks(mesh)
            desks.clients.update(left=left, asker=await mesh.client("asker", contracts=[Left, Right]))
            name = record()
            slow = desks.ask("change", job(name, Step(sleep=3)))

            quick = await desks.ask("change", job(name))

            assert not slow.done()
            assert (quick.fences, (await slow).fences) == ({}, {})


async def test_a_lock_whose_history_gets_long_goes_on_as_a_new_run_with_all_who_wait():
    [port] = free_ports(1)
    async with running(ShortHistories(port=port, namespaces=("left", "asker"))) as server:
        mesh = LocalMesh(server.address, ("left", "asker"))
        await mesh.provision(("left", "asker"))
        async with mesh.member(
            "left", services=[desk(Left)], workflows=[Work], policy=OPEN, contracts=[Left, Right]
        ) as left:
            desks = Desks(mesh)
            desks.clients.update(left=left, asker=await mesh.client("asker", contracts=[Left, Right]))
            name = record()
            first = desks.ask("change", job(name, WAIT))
            holder = await desks.held(f"record-{name}")
            run_id = (await desks.lock(f"record-{name}").describe()).run_id
            waiters = [desks.ask("change", job(name)) for _ in range(20)]
            await desks.until(f"record-{name}", lambda state: len(state.waiting) == 20)

            await holder.signal("enough")

            done = await asyncio.gather(first, *waiters)
            assert len({each.fences[f"record-{name}"] for each in done}) == 21
            assert (await desks.lock(f"record-{name}").describe()).run_id != run_id


async def test_who_leaves_when_the_turn_has_come_has_it(desks: Desks):
    # Else a worker that died after leaving would find the grant afterwards, and work on without the lock.
    name = record()
    first = desks.ask("change", job(name, WAIT))
    holder = await desks.held(f"record-{name}")
    second = desks.ask("change", job(name, WAIT))
    waiting = (await desks.until(f"record-{name}", lambda state: len(state.waiting) == 1)).waiting[0].claim
    await holder.signal("enough")
    await first
    await desks.until(f"record-{name}", lambda state: [each.claim for each in state.holding] == [waiting])

    left = await desks.lock(f"record-{name}").execute_update(EntityLock.leave, waiting.holder)

    state = await desks.state(f"record-{name}")
    assert [(held.claim, held.fence) for held in state.holding] == [(waiting, left.fence)]
    await desks.clients["left"].get_workflow_handle(waiting.workflow_id).signal("enough")
    await second


@dataclass(frozen=True, kw_only=True)
class ShortHistories(DevServer):
    """A server that has workflows go on as new ones after a few events."""

    def argv(self) -> list[str]:
        return [*super().argv(), "--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"]
