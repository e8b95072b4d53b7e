"""Plays every workflow of the example once on a mesh of its own, and keeps the histories: `make histories`."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHistory

from callboard import example
from callboard_contracts import Goal
from callboard_contracts.billing import v1 as billing
from callboard_contracts.conversations import Closing, Opening, Saying, Turn
from callboard_contracts.customers import v1 as customers
from callboard_contracts.inbox import v1 as inbox
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import feed
from callboard_contracts.orders import v1 as orders
from callboard_contracts.support import v1 as support
from callboard_kit.ambient import WatchPolicy, WatchSchedule
from callboard_kit.entities.naming import Entity, lock_id
from callboard_kit.identity import digest
from callboard_kit.persons import Credential, Person
from callboard_kit.process import run_guarded
from callboard_kit.processing import FeedEvent
from callboard_kit.testing import LocalMesh
from callboard_kit.testing.replay import histories, write
from callboard_orchestrator.client import orchestrate, relocate
from callboard_orchestrator.inbox.client import InboxClient
from callboard_orchestrator.inbox.messages import Asked
from callboard_orchestrator.messages import Relocation
from callboard_team_customers.following import orders_followed
from tests.playing.waiting import until
from tests.recording import shop
from tests.recording.members import Room, on_stage, rooms

REPOSITORY = Path(__file__).resolve().parents[2]

_MOVED = customers.Address.model_validate(shop.NEW_ADDRESS)
_AS_ORCHESTRATOR: Sequence[tuple[Any, Any]] = (
    (orders.Orders.assist, Goal(goal="Where is order #W1?", facts={"user_id": shop.USER})),
    (orders.Orders.modify_pending_order_address, orders.AddressChange(order_id="#W2", **shop.NEW_ADDRESS)),
    (
        orders.Orders.modify_pending_order_payment,
        orders.PaymentChange(order_id="#W2", payment_method_id=shop.GIFT_CARD),
    ),
    (
        orders.Orders.modify_pending_order_items,
        orders.Replacement(
            order_id="#W3", item_ids=(shop.BLUE_MUG,), new_item_ids=(shop.RED_MUG,), payment_method_id=shop.CARD
        ),
    ),
    (orders.Orders.cancel_pending_order, orders.Cancellation(order_id="#W4", reason="ordered by mistake")),
    (
        orders.Orders.return_delivered_order_items,
        orders.Return(order_id="#W5", item_ids=(shop.BLUE_MUG,), payment_method_id=shop.CARD),
    ),
    (
        orders.Orders.exchange_delivered_order_items,
        orders.Replacement(
            order_id="#W6", item_ids=(shop.BLUE_MUG,), new_item_ids=(shop.RED_MUG,), payment_method_id=shop.CARD
        ),
    ),
    (customers.Customers.get_user_details, customers.UserId(user_id=shop.USER)),
    (customers.Customers.modify_user_address, customers.AddressChange(user_id=shop.USER, **shop.NEW_ADDRESS)),
    (customers.Customers.assist, Goal(goal=f"Who has the e-mail address {shop.EMAIL}?")),
    (customers.Customers.converse, Turn(conversation="recorded", text=f"Do you know me? I am {shop.EMAIL}.")),
    (inventory.Inventory.assist, Goal(goal="What does the red mug cost?")),
    (support.Support.assist, Goal(goal="What do a blue and a red mug cost together?")),
    (support.Support.transfer_to_human_agents, support.Handover(summary="Wants to talk to a person.")),
    (support.Support.open, Opening(conversation="recorded", approvals="none")),
    (support.Support.say, Saying(conversation="recorded", message="m-1", text="What do a blue and a red mug cost?")),
    (support.Support.say, Saying(conversation="recorded", message="m-2", text="Thank you.")),
    (support.Support.close, Closing(conversation="recorded", reason="settled")),
)
_QUESTION = inbox.Question(
    id="recording:1",
    agent="orchestrator",
    service="orders.v1",
    operation="cancel_pending_order",
    arguments={"order_id": "#W1"},
    effect="irreversible",
    words="The customer ordered by mistake.",
    rule="ask-for-effects",
    reason="the effect is irreversible",
    approvers=("grace",),
    patience_seconds=2,
    then="escalate",
    escalation=inbox.Escalation(approvers=("ada",), patience_seconds=60),
)
_AS_ORDERS: Sequence[tuple[Any, Any]] = (
    (
        billing.Billing.reverse,
        billing.Reversal(key="never-happened", reason="the order could not be changed"),
    ),
)
_CROWDED = "#W2"
_SERVICES = (billing.Billing, customers.Customers, inventory.Inventory, orders.Orders, support.Support)


def main() -> int:
    """Record everything, and say what was written."""
    return asyncio.run(_record())


async def _record() -> int:
    with tempfile.TemporaryDirectory(prefix="callboard-recording-") as folder:
        home = Path(folder)
        example.fill(shop.records(), home)
        everyone = rooms(home, REPOSITORY)
        async with on_stage(everyone) as mesh:
            await _play(mesh)
            kept = [line for room in everyone for line in await _keep(room, await mesh.bare_client(room.team))]
            kept.append(await _keep_lock(await mesh.bare_client("orders")))
    sys.stdout.write("".join(f"{line}\n" for line in kept))
    return 0


async def _play(mesh: LocalMesh) -> None:
    orchestrator = await mesh.client("orchestrator")
    for operation, words in _AS_ORCHESTRATOR:
        await _call(orchestrator, operation, words)
    await _crowd(orchestrator)
    for operation, words in _AS_ORDERS:
        await _call(await mesh.client("orders"), operation, words)
    await _ask(mesh, orchestrator)
    await _follow(await mesh.client("customers"))
    await orchestrate(orchestrator, "Please cancel my orders #W1 and #W5.", person="ada")
    await relocate(
        orchestrator,
        Relocation(customer=customers.NameAndZip(first_name="Ada", last_name="Smith", zip="73301"), address=_MOVED),
    )
    await _watch(mesh, orchestrator)


async def _watch(mesh: LocalMesh, client: Client) -> None:
    """Have the watch see a refund that is out of all proportion, ask, and raise the case when somebody agrees."""
    large = billing.Refund(user_id=shop.USER, payment_method_id=shop.CARD, amount=2500, key="far too much")
    await _call(await mesh.client("orders"), billing.Billing.refund, large)
    watch = WatchSchedule(client, "orchestrator")
    since = datetime(2026, 11, 22, tzinfo=UTC)
    await watch.start(every=timedelta(days=1), now=since, policy=WatchPolicy(rest=timedelta(0)))
    await watch.trigger()
    waiting = InboxClient(await mesh.bare_client("inbox"))
    asked: list[Asked] = []

    async def is_asked() -> bool:
        asked[:] = [each async for each in waiting.waiting(team="orchestrator")]
        return bool(asked)

    async def is_settled() -> bool:
        return not (await watch.status()).waiting

    await until(is_asked, within=60)
    await waiting.answer(asked[0].gate, _ada(mesh), approve=True, reason="it is odd")
    await until(is_settled, within=60)
    await watch.stop()


def _ada(mesh: LocalMesh) -> Credential:
    ada = Person(name="ada", scopes=("approvals",))
    return Credential.issue(mesh.keys["inbox"], ada, now=time.time(), lifetime=timedelta(hours=1))


async def _ask(mesh: LocalMesh, client: Client) -> None:
    """Have a question asked, nobody answer it in time, and somebody else approve."""
    team = client.create_nexus_client(service=inbox.Inbox, endpoint=inbox.ENDPOINT)
    asking = await team.start_operation(inbox.Inbox.ask, _QUESTION, id="inbox-ask")
    waiting = InboxClient(await mesh.bare_client("inbox"))
    async with asyncio.timeout(60):
        while True:
            if escalated := [each async for each in waiting.waiting() if each.escalated]:
                break
            await asyncio.sleep(0.1)
    await waiting.answer(escalated[0].gate, _ada(mesh), approve=True, reason="as agreed")
    await asking.result()


async def _follow(client: Client) -> None:
    """Have the customers team told that an order was cancelled."""
    changed = feed.OrderChanged(order_id="#W4", user_id=shop.USER, before="pending", status="cancelled")
    event = FeedEvent(
        id="recorded",
        publisher="orders",
        number=1,
        key=changed.order_id,
        kind=feed.ORDER_CHANGED,
        at=datetime(2026, 5, 4, 9, 30, tzinfo=UTC),
        data=changed.model_dump(mode="json"),
    )
    await orders_followed().hand_over(client, event, team="customers", task_queue="customers")
    await client.get_workflow_handle("customers-follow-order-#W4").result()


async def _crowd(client: Client) -> None:
    """Have several come to one order at the same time, so that its lock has something to do."""
    change = orders.AddressChange(order_id=_CROWDED, **shop.NEW_ADDRESS)
    team = client.create_nexus_client(service=orders.Orders, endpoint=orders.ENDPOINT)
    await asyncio.gather(
        *(
            team.execute_operation(orders.Orders.modify_pending_order_address, change, id=f"crowd-{number}")
            for number in range(4)
        )
    )


async def _keep_lock(client: Client) -> str:
    """Write what the crowd's lock did."""
    handle = client.get_workflow_handle(lock_id("orders", Entity("order_id", _CROWDED).name))
    write(await handle.fetch_history(), REPOSITORY / "kit" / "tests" / "histories" / "EntityLock.json")
    return "kit: EntityLock"


async def _call(client: Client, operation: Any, words: Any) -> None:
    [service] = [each for each in _SERVICES if any(operation is value for value in vars(each).values())]
    endpoint = sys.modules[service.__module__].ENDPOINT
    team = client.create_nexus_client(service=service, endpoint=endpoint)
    name = f"{endpoint}-{operation.name}-{digest(words.model_dump_json().encode())[:8]}"
    await team.execute_operation(operation, words, id=name)


async def _keep(room: Room, client: Client) -> list[str]:
    """Write the first run of each of the room's workflows, in the place of what was there."""
    found: dict[str, WorkflowHistory] = {}
    names = {workflow.__name__ for workflow in room.workflows}
    async with asyncio.timeout(60):
        # What has just happened becomes visible a little later.
        while found.keys() != names:
            async for run in client.list_workflows(f"WorkflowType in ({', '.join(map(repr, sorted(names)))})"):
                handle = client.get_workflow_handle(run.id, run_id=run.run_id)
                history = await handle.fetch_history()
                known = found.get(run.workflow_type)
                if known is None or _began(history) < _began(known):
                    found[run.workflow_type] = history
            await asyncio.sleep(0.1)
    for old in histories(room.histories):
        old.unlink()
    for name, history in sorted(found.items()):
        write(history, room.histories / f"{name}.json")
    return [f"{room.team}: {', '.join(sorted(found))}"]


def _began(history: WorkflowHistory) -> int:
    return history.events[0].event_time.ToNanoseconds()


if __name__ == "__main__":
    run_guarded(main)
