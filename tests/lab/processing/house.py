"""Three teams: a shop that publishes what it sold, a post that follows and notes it, a desk that the post asks.

The post's notes are numbered in the order in which they were made, and every attempt to make one is counted.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert
from temporalio import activity, workflow

from callboard_contracts import Message, Nothing, RefusedError, promise

with workflow.unsafe.imports_passed_through():
    from callboard_kit.processing import Events, FeedEvent, Following
    from callboard_kit.processing.outbox import Outbox, OutboxTables
    from callboard_kit.processing.processor import EachKey, Processor
    from callboard_kit.store import Store

SHOP: Final = "shop"
POST: Final = "post"
DESK: Final = "desk"
TEAMS: Final = (SHOP, POST, DESK)
SOLD: Final = "sold.v1"
_SOON: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(seconds=60)


class Sold(Message):
    """What the shop tells of a sale."""

    sale: str
    number: int


class Question(Message):
    """A sale that the desk is asked about."""

    sale: str


@nexusrpc.service(name="desk.v1")
class Desk:
    """Knows which sales are good."""

    check: nexusrpc.Operation[Question, Nothing] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=60)
    )
    """Refuse a sale that is not."""


_SHOP = MetaData()
_OUTBOX: Final = OutboxTables(_SHOP)


class Shop:
    """Publishes sales."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(f"sqlite:///{folder / 'shop.db'}", _SHOP)
        self.outbox = Outbox(self._store, _OUTBOX)

    def sell(self, *sales: tuple[str, Message]) -> None:
        """Publish sales, each of a customer, in one transaction."""
        with self._store.writing() as connection:
            for customer, sale in sales:
                _OUTBOX.add(connection, key=customer, kind=SOLD, data=sale)

    def close(self) -> None:
        self._store.close()


_POST = MetaData()
NOTES = Table(
    "notes",
    _POST,
    Column("place", Integer, primary_key=True, autoincrement=True),
    Column("customer", String, nullable=False),
    Column("sale", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("redriven", Integer, nullable=False),
)
ATTEMPTS = Table("attempts", _POST, Column("place", Integer, primary_key=True, autoincrement=True))


class Book:
    """What the post noted."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(f"sqlite:///{folder / 'post.db'}", _POST)

    @activity.defn
    def note(self, event: FeedEvent) -> Nothing:
        sold = event.read(Sold)

        def effect(connection: Connection) -> Nothing:
            connection.execute(
                insert(NOTES).values(customer=event.key, sale=sold.sale, number=sold.number, redriven=event.redriven)
            )
            return Nothing()

        with self.store.writing() as connection:
            connection.execute(insert(ATTEMPTS))
        return self.store.once(event.effect_key, event.id, Nothing, effect)


@workflow.defn
class FollowCustomer:
    """Notes what a customer bought, one sale after the other."""

    @workflow.init
    def __init__(self, state: Following) -> None:
        self._events = Events(state)

    @workflow.run
    async def run(self, state: Following) -> None:
        await self._events.each(self._note)

    @workflow.signal
    def happened(self, event: FeedEvent) -> None:
        self._events.take(event)

    async def _note(self, event: FeedEvent) -> None:
        desk = workflow.create_nexus_client(service=Desk, endpoint=DESK)
        question = Question(sale=event.read(Sold).sale)
        await desk.execute_operation(Desk.check, question, schedule_to_close_timeout=_PATIENCE)
        await workflow.execute_activity_method(Book.note, event, start_to_close_timeout=_SOON)


FOLLOWED: Final = Processor(publisher=SHOP, kinds={SOLD: Sold}, to=EachKey(FollowCustomer.run, FollowCustomer.happened))


@service_handler(service=Desk)
class DeskService:
    """Refuses sales that are called bad, until a file says that they are good after all."""

    def __init__(self, folder: Path) -> None:
        self._pardon = folder / "pardon"

    @sync_operation
    async def check(self, _ctx: StartOperationContext, question: Question) -> Nothing:
        if question.sale.startswith("bad") and not self._pardon.exists():
            raise RefusedError("there was no such sale")
        return Nothing()


def parts(team: str, folder: Path) -> dict[str, Any]:
    """Return what a worker of the team has."""
    if team == POST:
        return {"workflows": [FollowCustomer], "activities": [Book(folder).note]}
    return {"nexus_service_handlers": [DeskService(folder)]} if team == DESK else {}
