"""Two teams that read, wait and write: what goes wrong between the reading and the writing is what locks are for.

A change of an order looks at the order, has the bank move money, and then writes what the order comes to; the bank
looks at the balance and then writes it. Nothing in the stores compares: whoever writes last wins.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import nexusrpc
from nexusrpc.handler import service_handler
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select, update
from temporalio import activity, nexus, workflow

from callboard_contracts import Message, promise

with workflow.unsafe.imports_passed_through():
    from callboard_kit import mesh
    from callboard_kit.entities.chain import link_of
    from callboard_kit.store import Store, require_fences

TEAMS: Final = ("desk", "bank")
ASKERS: Final = ("north", "south", "east", "west", "centre")
SOON: Final = timedelta(seconds=20)
PATIENCE: Final = timedelta(seconds=25)


class Change(Message):
    """Add to an order and to a balance."""

    name: str
    """What the change is called in the books."""

    order_id: str
    balance_id: str
    amount: int


class Part(Message):
    """Add to one record."""

    name: str
    record: str
    amount: int


class Total(Message):
    """What a record comes to."""

    value: int


class Writing(Message):
    """What to write, and over what it was seen to be."""

    name: str
    record: str
    before: int
    after: int
    key: str


def _task(entity: str) -> Any:
    return promise(
        kind="task", effect="write", entity=entity, latency=timedelta(seconds=2), longest=timedelta(seconds=60)
    )


@nexusrpc.service(name="desk.v1")
class Desk:
    """Keeps orders."""

    change: nexusrpc.Operation[Change, Total] = _task("order:order_id")
    """Add to an order, and to the balance that it is paid from."""

    note: nexusrpc.Operation[Part, Total] = _task("order:record")
    """Add to an order only."""


@nexusrpc.service(name="bank.v1")
class Bank:
    """Keeps balances."""

    settle: nexusrpc.Operation[Change, Total] = _task("balance:balance_id")
    """Add to a balance, and to the order that it pays: the same from the other end."""

    move: nexusrpc.Operation[Part, Total] = _task("balance:record")
    """Add to a balance only."""


_METADATA = MetaData()
RECORDS = Table("records", _METADATA, Column("id", String, primary_key=True), Column("value", Integer, nullable=False))
LEDGER = Table(
    "ledger",
    _METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False),
    Column("record", String, nullable=False),
    Column("before", Integer, nullable=False),
    Column("after", Integer, nullable=False),
    Column("asking", String, nullable=False),
)


class Books:
    """The records of one team, and every effect there was. It believes what it is told to write."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, _METADATA)

    @property
    def activities(self) -> list[Callable[..., Any]]:
        return [self.read, self.write]

    @activity.defn
    def read(self, record: str) -> Total:
        with self._store.writing() as connection:
            # From now on whoever held the lock before is too late.
            require_fences(connection, mesh.fences())
            return Total(value=self._value(connection, record))

    @activity.defn
    def write(self, writing: Writing) -> Total:
        def effect(connection: Connection) -> Total:
            connection.execute(insert(RECORDS).prefix_with("or ignore").values(id=writing.record, value=0))
            mine = RECORDS.c.id == writing.record
            connection.execute(update(RECORDS).where(mine).values(value=writing.after))
            # The first link is that of the agent's call: what it has done by others is done for the same asking.
            asking = link_of(mesh.current(), 1)
            connection.execute(insert(LEDGER).values(asking=asking, **writing.model_dump(exclude={"key"})))
            return Total(value=writing.after)

        return self._store.once(
            writing.key, f"{writing.record} {writing.after - writing.before}", Total, effect, fences=mesh.fences()
        )

    @staticmethod
    def _value(connection: Connection, record: str) -> int:
        found = connection.execute(select(RECORDS.c.value).where(RECORDS.c.id == record)).scalar_one_or_none()
        return 0 if found is None else found


async def _add(part: Part, other: Callable[[], Awaitable[Total]] | None = None) -> Total:
    """Read, have something else done, write."""
    record, amount = part.record, part.amount
    key = mesh.effect_key()
    seen = await workflow.execute_activity("read", record, result_type=Total, start_to_close_timeout=SOON)
    if other is not None:
        # The same key every time this is asked for again: what was done then is not done twice.
        with mesh.idempotency_key(key):
            await other()
    writing = Writing(name=part.name, record=record, before=seen.value, after=seen.value + amount, key=key)
    return await workflow.execute_activity("write", writing, result_type=Total, start_to_close_timeout=SOON)


def _parts(change: Change) -> tuple[Part, Part]:
    order = Part(name=change.name, record=change.order_id, amount=change.amount)
    return order, order.model_copy(update={"record": change.balance_id})


@workflow.defn
class ChangeOrder:
    @workflow.run
    async def run(self, change: Change) -> Total:
        bank = workflow.create_nexus_client(service=Bank, endpoint="bank")
        here, there = _parts(change)
        return await _add(here, lambda: bank.execute_operation(Bank.move, there))


@workflow.defn
class SettleBalance:
    @workflow.run
    async def run(self, change: Change) -> Total:
        desk = workflow.create_nexus_client(service=Desk, endpoint="desk")
        there, here = _parts(change)
        return await _add(here, lambda: desk.execute_operation(Desk.note, there))


@workflow.defn
class AddTo:
    @workflow.run
    async def run(self, part: Part) -> Total:
        return await _add(part)


@service_handler(service=Desk)
class DeskService:
    @nexus.workflow_run_operation
    async def change(self, ctx: nexus.WorkflowRunOperationContext, change: Change) -> nexus.WorkflowHandle[Total]:
        return await mesh.start_workflow(ctx, ChangeOrder.run, change)

    @nexus.workflow_run_operation
    async def note(self, ctx: nexus.WorkflowRunOperationContext, part: Part) -> nexus.WorkflowHandle[Total]:
        return await mesh.start_workflow(ctx, AddTo.run, part)


@service_handler(service=Bank)
class BankService:
    @nexus.workflow_run_operation
    async def settle(self, ctx: nexus.WorkflowRunOperationContext, change: Change) -> nexus.WorkflowHandle[Total]:
        return await mesh.start_workflow(ctx, SettleBalance.run, change)

    @nexus.workflow_run_operation
    async def move(self, ctx: nexus.WorkflowRunOperationContext, part: Part) -> nexus.WorkflowHandle[Total]:
        return await mesh.start_workflow(ctx, AddTo.run, part)
