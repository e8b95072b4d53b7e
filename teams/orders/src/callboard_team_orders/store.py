"""Every order, a row each."""

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import JSON, Column, Connection, Float, Integer, MetaData, RowMapping, String, Table, select, update

from callboard_contracts import RefusedError
from callboard_contracts.orders import feed
from callboard_contracts.orders import v1 as orders
from callboard_kit.processing.outbox import Outbox, OutboxTables
from callboard_kit.store import Store, etag_of
from callboard_team_orders.agent import Change, Seen, Written

_METADATA = MetaData()
_ORDERS = Table(
    "orders",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("order_id", String, nullable=False, unique=True),
    Column("user_id", String, nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("address", JSON, nullable=False),
    Column("items", JSON, nullable=False),
    Column("fulfillments", JSON, nullable=False),
    Column("payment_history", JSON, nullable=False),
    Column("cancel_reason", String),
    Column("return_items", JSON(none_as_null=True)),
    Column("return_payment_method_id", String),
    Column("exchange_items", JSON(none_as_null=True)),
    Column("exchange_new_items", JSON(none_as_null=True)),
    Column("exchange_payment_method_id", String),
    Column("exchange_price_difference", Float),
)
_OUTBOX: Final = OutboxTables(_METADATA)
_FIELDS: Final = tuple(column.name for column in _ORDERS.columns if column.name != "position")


class _ChangedMeanwhileError(Exception):
    """The order is no longer as it was seen."""


class OrderStore:
    """Orders by id. An order is written only over what was seen of it, and once per key; whoever follows is told."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, _METADATA)
        self.outbox = Outbox(self._store, _OUTBOX)
        """What became of orders, on its way to those who follow."""

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def order(self, order_id: str) -> orders.Order:
        """Return the order.

        Raises:
            RefusedError: There is no such order.
        """
        with self._store.reading() as connection:
            return _marked(_order(connection, order_id))

    def look(self, order_id: str, *, key: str, asked: str) -> Seen:
        """Return the order, and what was done under the key if anything was.

        Raises:
            RefusedError: There is no such order, or the key was used to ask for something else.
        """
        done = self._store.done(key, asked, orders.Order)
        return Seen(order=self.order(order_id), done=done)

    def write(self, change: Change, *, fences: Mapping[str, int] | None = None) -> Written:
        """Write the order if it is still as it was seen, once per key, and not after who held its lock later.

        Raises:
            RefusedError: There is no such order, the key was used to ask for something else, or the lock was lost.
        """

        def effect(connection: Connection) -> orders.Order:
            if _order(connection, change.order.order_id) != change.seen.model_copy(update={"etag": None}):
                raise _ChangedMeanwhileError
            mine = _ORDERS.c.order_id == change.order.order_id
            connection.execute(update(_ORDERS).where(mine).values(**_record(change.order)))
            changed = feed.OrderChanged(
                order_id=change.order.order_id,
                user_id=change.order.user_id,
                before=change.seen.status,
                status=change.order.status,
            )
            _OUTBOX.add(connection, key=changed.order_id, kind=feed.ORDER_CHANGED, data=changed)
            return _marked(change.order)

        try:
            order = self._store.once(change.key, change.asked, orders.Order, effect, fences=fences)
            return Written(order=order)
        except _ChangedMeanwhileError:
            return Written()

    def all(self) -> tuple[orders.Order, ...]:
        """Return every order, in the order they were put in."""
        with self._store.reading() as connection:
            rows = connection.execute(select(_ORDERS).order_by(_ORDERS.c.position)).mappings().all()
        return tuple(_read(row) for row in rows)

    def replace(self, everything: Iterable[orders.Order]) -> None:
        """Put these orders in the place of everything."""
        self._store.replace({_ORDERS: [{"position": n, **_record(order)} for n, order in enumerate(everything)]})


def _order(connection: Connection, order_id: str) -> orders.Order:
    row = connection.execute(select(_ORDERS).where(_ORDERS.c.order_id == order_id)).mappings().one_or_none()
    if row is None:
        raise RefusedError(f"there is no order {order_id!r}: order ids begin with '#'")
    return _read(row)


def _marked(order: orders.Order) -> orders.Order:
    return order.model_copy(update={"etag": etag_of(order)})


def _read(row: RowMapping) -> orders.Order:
    return orders.Order.model_validate({name: row[name] for name in _FIELDS})


def _record(order: orders.Order) -> dict[str, object]:
    record = order.model_dump(mode="json")
    return {name: record[name] for name in _FIELDS}
