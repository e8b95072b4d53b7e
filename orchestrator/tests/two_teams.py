"""Two small teams for tests, which keep their contracts and remember who asked for what."""

import asyncio
from typing import NoReturn

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation

from callboard_contracts import Assistance, Goal, RefusedError, UnavailableError, describe
from callboard_contracts.conversations import Contribution, Turn
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import v1 as orders
from callboard_kit import Policy, Rule, mesh

ADDRESS = customers.Address(address1="1 Old Road", city="Denver", country="USA", state="CO", zip="80200")
NEW_ADDRESS = customers.Address(address1="2 New Lane", city="Austin", country="USA", state="TX", zip="73301")
ADA = customers.Customer(
    user_id="ada_smith_1234",
    name=customers.Name(first_name="Ada", last_name="Smith"),
    address=ADDRESS,
    email="ada.smith@example.com",
    orders=("#W1", "#W2", "#W3", "#W4"),
)
STATUSES: dict[str, orders.Status] = {
    "#W1": "delivered",
    "#W2": "pending",
    "#W3": "pending (item modified)",
    "#W4": "pending",
}
AT_ONCE = tuple(
    f"{each.service}.{operation.name}"
    for each in (describe(customers.Customers), describe(orders.Orders))
    for operation in each.operations
)
"""These tests are about who composes: their teams keep no store, and need no locks."""

REFUSED_WORDS = "order '#W1' is 'delivered': this needs an order that is 'pending'"

EVERYTHING = Policy(
    rules=(
        Rule(name="customers", callers=("orchestrator",), services=("customers.v1",)),
        Rule(name="orders", callers=("orchestrator",), services=("orders.v1",)),
    )
)


def order(order_id: str, **changes: object) -> orders.Order:
    address = orders.Address.model_validate(ADDRESS.model_dump())
    found = orders.Order(order_id=order_id, user_id=ADA.user_id, address=address, items=(), status=STATUSES[order_id])
    return found.model_copy(update=changes)


class Present:
    """Lets calls wait for each other, to show that they are made at the same time."""

    def __init__(self) -> None:
        self.awaited = 0
        self.seen: list[str] = []
        self._together = asyncio.Event()

    async def meet(self, name: str) -> None:
        if not self.awaited:
            return
        self.seen.append(name)
        if len(self.seen) >= self.awaited:
            self._together.set()
        # Not a condition: one that is cancelled twice keeps its lock for ever, and a worker waits for its handlers.
        async with asyncio.timeout(5):
            await self._together.wait()


@service_handler(service=customers.Customers)
class CustomersService:
    """Knows Ada."""

    def __init__(self) -> None:
        self.people: list[str | None] = []
        self.roots: list[str] = []
        self.moved: list[customers.AddressChange] = []
        self.fails_with: Exception | None = None

    @sync_operation
    async def find_user_id_by_email(
        self, _ctx: StartOperationContext, address: customers.EmailAddress
    ) -> customers.UserId:
        self.people.append(mesh.current().person)
        self.roots.append(mesh.current().root)
        if address.email != ADA.email:
            raise RefusedError("nobody has this e-mail address")
        return customers.UserId(user_id=ADA.user_id)

    @sync_operation
    async def find_user_id_by_name_zip(
        self, _ctx: StartOperationContext, who: customers.NameAndZip
    ) -> customers.UserId:
        assert who == customers.NameAndZip(first_name="Ada", last_name="Smith", zip="80200")
        return customers.UserId(user_id=ADA.user_id)

    @sync_operation
    async def list_order_news(self, _ctx: StartOperationContext, _who: customers.UserId) -> customers.OrderNews:
        return customers.OrderNews()

    @sync_operation
    async def get_user_details(self, _ctx: StartOperationContext, _who: customers.UserId) -> customers.Customer:
        return ADA

    @sync_operation
    async def modify_user_address(
        self, _ctx: StartOperationContext, change: customers.AddressChange
    ) -> customers.Customer:
        if self.fails_with is not None:
            raise self.fails_with
        self.moved.append(change)
        return ADA

    @sync_operation
    async def assist(self, _ctx: StartOperationContext, _goal: Goal) -> Assistance:
        _not_played()

    @sync_operation
    async def converse(self, _ctx: StartOperationContext, _turn: Turn) -> Contribution:
        _not_played()


@service_handler(service=orders.Orders)
class OrdersService:
    """Knows Ada's orders."""

    def __init__(self) -> None:
        self.present = Present()
        self.redirected: dict[str, str] = {}
        self.cancelled: list[str] = []
        self.unreadable: frozenset[str] = frozenset()

    @sync_operation
    async def get_order_details(self, _ctx: StartOperationContext, which: orders.OrderId) -> orders.Order:
        await self.present.meet(which.order_id)
        if which.order_id in self.unreadable:
            raise UnavailableError("the store is busy")
        return order(which.order_id)

    @sync_operation
    async def cancel_pending_order(self, _ctx: StartOperationContext, request: orders.Cancellation) -> orders.Order:
        if STATUSES[request.order_id] != "pending":
            raise RefusedError(REFUSED_WORDS)
        self.cancelled.append(request.order_id)
        return order(request.order_id, status="cancelled", cancel_reason=request.reason)

    @sync_operation
    async def modify_pending_order_address(
        self, _ctx: StartOperationContext, change: orders.AddressChange
    ) -> orders.Order:
        if STATUSES[change.order_id] != "pending":
            raise RefusedError("this needs an order that is 'pending'")
        self.redirected[change.order_id] = change.address1
        return order(change.order_id)

    @sync_operation
    async def modify_pending_order_items(self, _ctx: StartOperationContext, _what: orders.Replacement) -> orders.Order:
        _not_played()

    @sync_operation
    async def modify_pending_order_payment(
        self, _ctx: StartOperationContext, _what: orders.PaymentChange
    ) -> orders.Order:
        _not_played()

    @sync_operation
    async def return_delivered_order_items(self, _ctx: StartOperationContext, _what: orders.Return) -> orders.Order:
        _not_played()

    @sync_operation
    async def exchange_delivered_order_items(
        self, _ctx: StartOperationContext, _what: orders.Replacement
    ) -> orders.Order:
        _not_played()

    @sync_operation
    async def assist(self, _ctx: StartOperationContext, _goal: Goal) -> Assistance:
        _not_played()


def _not_played() -> NoReturn:
    raise RefusedError("these tests do not play it")
