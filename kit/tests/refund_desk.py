"""A desk that refunds what a person approves: the workflow that runs are under way of, and the till it calls."""

from datetime import timedelta
from typing import Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import activity, workflow

from callboard_contracts import Message, promise

TEAM: Final = "desk"
TILL: Final = "till"
DAY: Final = timedelta(days=1)
SOON: Final = timedelta(seconds=30)


class Claim(Message):
    """What is asked for."""

    order_id: str
    amount: float


class Slip(Message):
    """What came of it."""

    order_id: str
    note: str


@nexusrpc.service(name="till.v1")
class Till:
    """A till that pays out."""

    pay: nexusrpc.Operation[Claim, Slip] = promise(
        kind="task", effect="write", latency=timedelta(seconds=1), longest=timedelta(seconds=60)
    )
    count: nexusrpc.Operation[Claim, Slip] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=60)
    )


@service_handler(service=Till)
class TillService:
    """Pays whoever asks."""

    @sync_operation
    async def pay(self, ctx: StartOperationContext, input: Claim) -> Slip:
        return Slip(order_id=input.order_id, note="paid")

    @sync_operation
    async def count(self, ctx: StartOperationContext, input: Claim) -> Slip:
        return Slip(order_id=input.order_id, note="counted")


@activity.defn
async def look_up(order_id: str) -> str:
    """Return what is known of an order."""
    return f"{order_id} was delivered"


@activity.defn
async def write_down(note: str) -> str:
    """Keep a note."""
    return note


@workflow.defn
class Refund:
    """Looks the order up, waits for a person, has the till pay, writes it down."""

    def __init__(self) -> None:
        self.approved = False

    @workflow.signal
    def approve(self) -> None:
        self.approved = True

    @workflow.run
    async def run(self, claim: Claim) -> str:
        await workflow.execute_activity(look_up, claim.order_id, start_to_close_timeout=SOON)
        await workflow.wait_condition(lambda: self.approved, timeout=DAY)
        till = workflow.create_nexus_client(service=Till, endpoint=TILL)
        slip = await till.execute_operation(Till.pay, claim, schedule_to_close_timeout=SOON)
        return await workflow.execute_activity(write_down, slip.note, start_to_close_timeout=SOON)
