"""Plays tasks against the teams' own stores and rules, with nothing between them: no Temporal, no Nexus, no model."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from callboard import example
from callboard_contracts import Message
from callboard_contracts.billing import v1 as billing
from callboard_contracts.customers import v1 as customers
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders
from callboard_contracts.support import v1 as support
from callboard_kit.settings import Settings
from callboard_team_billing.store import Ledger
from callboard_team_customers.agent import Registrar
from callboard_team_customers.store import CustomerStore
from callboard_team_inventory.store import ProductStore
from callboard_team_orders.agent import Change, OrderDesk, Seen, Written
from callboard_team_orders.store import OrderStore
from callboard_team_support.agent import hand_over
from callboard_team_support.arithmetic import calculate
from callboard_team_support.store import HandoverStore

Tables = Mapping[str, Mapping[str, object]]


class Nobody:
    """Lets everything be done: here the records are what counts."""

    async def agree(self, order: object, movements: object) -> bool:
        return False


class Shop:
    """Five teams in one process, each with its own store in `home`."""

    def __init__(self, home: Path) -> None:
        url = Settings(home=home).store_url
        self.home = home
        self.ledger = Ledger(url("billing"))
        self.people = CustomerStore(url("customers"))
        self.products = ProductStore(url("inventory"))
        self.orders = OrderStore(url("orders"))
        self.handovers = HandoverStore(url("support"))
        self.till = Till(self.ledger)
        self._desk = OrderDesk(book=Book(self.orders), till=self.till, shelf=Shelf(self.products), overseer=Nobody())
        self._registrar = Registrar(people=People(self.people), wallets=self.till)

    def close(self) -> None:
        for store in (self.ledger, self.people, self.products, self.orders, self.handovers):
            store.close()

    def records(self) -> dict[str, dict[str, object]]:
        return example.collect(self.home)

    async def do(self, name: str, arguments: Mapping[str, object], *, key: str) -> object:
        """Carry one operation out, and return its result as the reference has it: no nulls, no etag, strings bare."""
        result = await self._operations[name](self, arguments, key)
        document = result.model_dump(mode="json", exclude={"etag"}, exclude_none=True)
        return next(iter(document.values())) if name in BARE else document

    _operations: Mapping[str, Callable[["Shop", Mapping[str, object], str], Awaitable[Message]]] = {
        "find_user_id_by_email": lambda s, a, _: _now(s.people.find_by_email(customers.EmailAddress(**a).email)),
        "find_user_id_by_name_zip": lambda s, a, _: _now(s.people.find_by_name_and_zip(customers.NameAndZip(**a))),
        "get_user_details": lambda s, a, _: s._registrar.details(customers.UserId(**a).user_id),
        "modify_user_address": lambda s, a, k: s._registrar.change_address(customers.AddressChange(**a), key=k),
        "list_all_product_types": lambda s, _a, _k: _now(s.products.product_types()),
        "get_product_details": lambda s, a, _: _now(s.products.product(inventory.ProductId(**a).product_id)),
        "get_item_details": lambda s, a, _: _now(s.products.variant(inventory.ItemId(**a).item_id)),
        "get_order_details": lambda s, a, _: _now(s.orders.order(orders.OrderId(**a).order_id)),
        "cancel_pending_order": lambda s, a, k: s._desk.cancel(orders.Cancellation(**a), key=k),
        "modify_pending_order_address": lambda s, a, k: s._desk.change_address(orders.AddressChange(**a), key=k),
        "modify_pending_order_items": lambda s, a, k: s._desk.replace_items(orders.Replacement(**a), key=k),
        "modify_pending_order_payment": lambda s, a, k: s._desk.change_payment(orders.PaymentChange(**a), key=k),
        "return_delivered_order_items": lambda s, a, k: s._desk.return_items(orders.Return(**a), key=k),
        "exchange_delivered_order_items": lambda s, a, k: s._desk.exchange_items(orders.Replacement(**a), key=k),
        "calculate": lambda _s, a, _: _now(support.CalculationResult(result=calculate(str(a["expression"])))),
        "transfer_to_human_agents": lambda s, a, k: hand_over(
            support.Handover(**a), key=k, desk=HandoverDesk(s.handovers)
        ),
    }


BARE = frozenset(
    {
        "find_user_id_by_email",
        "find_user_id_by_name_zip",
        "list_all_product_types",
        "calculate",
        "transfer_to_human_agents",
    }
)
"""Operations whose reference result is one bare value."""


class Book:
    def __init__(self, store: OrderStore) -> None:
        self._store = store

    async def look(self, order_id: str, *, key: str, asked: str) -> Seen:
        return await asyncio.to_thread(self._store.look, order_id, key=key, asked=asked)

    async def write(self, change: Change) -> Written:
        return await asyncio.to_thread(self._store.write, change)


class Till:
    """Billing without the mesh; remembers every key under which something was asked of it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.moved: list[str] = []
        self.reversed: list[str] = []

    async def payment_methods(self, user_id: str) -> Mapping[str, billing.PaymentMethod]:
        found = await asyncio.to_thread(self._ledger.payment_methods, user_id)
        return found.payment_methods

    async def move(self, order: orders.Order, transaction: billing.Transaction, *, key: str) -> None:
        self.moved.append(key)
        asked = {
            "user_id": order.user_id,
            "payment_method_id": transaction.payment_method_id,
            "amount": transaction.amount,
            "order_id": order.order_id,
            "key": key,
        }
        if transaction.transaction_type == "payment":
            await asyncio.to_thread(self._ledger.charge, "orders", billing.Charge.model_validate(asked))
        else:
            await asyncio.to_thread(self._ledger.refund, "orders", billing.Refund.model_validate(asked))

    async def reverse(self, key: str) -> None:
        self.reversed.append(key)
        await asyncio.to_thread(self._ledger.reverse, "orders", billing.Reversal(key=key))


class Shelf:
    def __init__(self, store: ProductStore) -> None:
        self._store = store

    async def product(self, product_id: str) -> inventory.Product:
        return await asyncio.to_thread(self._store.product, product_id)


class People:
    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    async def look(self, user_id: str) -> customers.Customer:
        return await asyncio.to_thread(self._store.look, user_id)

    async def move(self, change: customers.AddressChange, *, key: str) -> customers.Customer:
        return await asyncio.to_thread(self._store.move, change, key=key)


class HandoverDesk:
    def __init__(self, store: HandoverStore) -> None:
        self._store = store

    async def put(self, handover: support.Handover, *, key: str) -> None:
        await asyncio.to_thread(self._store.put, handover, key=key)


async def _now(message: Message) -> Message:
    return message


def without_nulls(value: object) -> object:
    """Return a document in which null and absent are the same: absent."""
    if isinstance(value, Mapping):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(inner) for inner in value]
    return value


def changed(before: Tables, after: Tables) -> dict[str, dict[str, object]]:
    """Return every record of `after` that differs from `before`, by table; tables without any are left out."""
    tables = {
        table: {key: record for key, record in after[table].items() if record != before[table].get(key)}
        for table in after
    }
    return {table: records for table, records in tables.items() if records}
