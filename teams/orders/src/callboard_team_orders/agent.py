"""The order desk, free of Temporal: decides, moves the money, writes the order, and puts right what it began in vain.

First the desk looks and decides; where much money would go back, somebody agrees, and the desk looks again. Then it
moves the money, each movement under its own key; then it writes the order,
if that is still as it was seen. If it is not, or if anything fails on the way, every movement is reversed. A movement
whose answer never came is reversed too: billing then sees to it that it does not happen later.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Final, Protocol, TypeVar

from callboard_contracts import MeshError, Message, RefusedError, UnavailableError
from callboard_contracts.billing import v1 as billing
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders
from callboard_team_orders import rules
from callboard_team_orders.rules import Decision, PaymentMethods

INSTRUCTIONS: Final = (
    "You work for the orders team of a retailer. You explain orders and cancel, modify, return or exchange what a "
    "customer asks you to. Look at an order before you change it; items can be modified or exchanged only once, so "
    "collect everything first. When something is refused, say so and why. Answer in one short paragraph."
)

ATTEMPTS: Final = 3
"""How often a request is decided anew because its order changed while it was worked on."""

Request = orders.Cancellation | orders.AddressChange | orders.PaymentChange | orders.Replacement | orders.Return
"""What the desk is asked to do to an order."""

ResultT = TypeVar("ResultT")


class Seen(Message):
    """An order as it was found; or, for a key that has had its effect, what the effect was."""

    order: orders.Order
    done: orders.Order | None = None


class Change(Message):
    """An order to write over the one that was seen, once per key."""

    key: str
    asked: str
    """The request as text: the key stands for it and for nothing else."""

    seen: orders.Order
    order: orders.Order


class Written(Message):
    """The order as written, or nothing when it was no longer as it was seen."""

    order: orders.Order | None = None


class Book(Protocol):
    """Every order."""

    async def look(self, order_id: str, *, key: str, asked: str) -> Seen:
        """Return the order, or refuse; with what was done under the key, if anything was."""
        ...

    async def write(self, change: Change) -> Written:
        """Write the order if it is still as it was seen."""
        ...


class Till(Protocol):
    """Whoever moves money."""

    async def payment_methods(self, user_id: str) -> PaymentMethods:
        """Return what the customer can pay with, by id."""
        ...

    async def move(self, order: orders.Order, transaction: billing.Transaction, *, key: str) -> None:
        """Charge or refund, once per key."""
        ...

    async def reverse(self, key: str) -> None:
        """Undo what was done under the key, or see to it that it never happens."""
        ...


class Overseer(Protocol):
    """Whoever must agree before money moves."""

    async def agree(self, order: orders.Order, movements: Sequence[billing.Transaction]) -> bool:
        """Return whether a person was asked and agrees, so that the order may be another by now; or refuse."""
        ...


class Shelf(Protocol):
    """Whoever knows what is for sale."""

    async def product(self, product_id: str) -> inventory.Product:
        """Return a product with all its variants, or refuse."""
        ...


class OrderDesk:
    """Changes orders; keeps nothing between requests. Each request comes with the key under which it happens once."""

    def __init__(self, *, book: Book, till: Till, shelf: Shelf, overseer: Overseer) -> None:
        self._overseer = overseer
        self._book = book
        self._till = till
        self._shelf = shelf

    async def cancel(self, request: orders.Cancellation, *, key: str) -> orders.Order:
        """Cancel a pending order and refund what was paid.

        Raises:
            RefusedError: It is not pending, or there is no such order.
        """

        async def decide(order: orders.Order) -> Decision:
            return rules.cancelled(order, request.reason)

        return await self._carry_out(request, "cancel", key, decide)

    async def change_address(self, request: orders.AddressChange, *, key: str) -> orders.Order:
        """Deliver a pending order elsewhere.

        Raises:
            RefusedError: It is not pending, or there is no such order.
        """
        address = orders.Address.model_validate(request.model_dump())

        async def decide(order: orders.Order) -> Decision:
            return rules.readdressed(order, address)

        return await self._carry_out(request, "address", key, decide)

    async def change_payment(self, request: orders.PaymentChange, *, key: str) -> orders.Order:
        """Pay a pending order with another method.

        Raises:
            RefusedError: The order or the method does not allow it.
        """

        async def decide(order: orders.Order) -> Decision:
            rules.require(order, "pending")
            methods = await self._till.payment_methods(order.user_id)
            return rules.repaid(order, request.payment_method_id, methods)

        return await self._carry_out(request, "payment", key, decide)

    async def replace_items(self, request: orders.Replacement, *, key: str) -> orders.Order:
        """Replace items of a pending order and settle the difference in price.

        Raises:
            RefusedError: The order, an item or the payment method does not allow it.
        """

        async def decide(order: orders.Order) -> Decision:
            rules.require(order, "pending")
            pairs = rules.swaps(order, request)
            products = await self._products(pairs)
            methods = await self._till.payment_methods(order.user_id)
            return rules.replaced(order, pairs, products, request.payment_method_id, methods)

        return await self._carry_out(request, "items", key, decide)

    async def return_items(self, request: orders.Return, *, key: str) -> orders.Order:
        """Note that items of a delivered order come back.

        Raises:
            RefusedError: The order, an item or the payment method does not allow it.
        """

        async def decide(order: orders.Order) -> Decision:
            rules.require(order, "delivered")
            methods = await self._till.payment_methods(order.user_id)
            return rules.returned(order, request.item_ids, request.payment_method_id, methods)

        return await self._carry_out(request, "return", key, decide)

    async def exchange_items(self, request: orders.Replacement, *, key: str) -> orders.Order:
        """Note that items of a delivered order are exchanged.

        Raises:
            RefusedError: The order, an item or the payment method does not allow it.
        """

        async def decide(order: orders.Order) -> Decision:
            rules.require(order, "delivered")
            pairs = rules.swaps(order, request)
            products = await self._products(pairs)
            methods = await self._till.payment_methods(order.user_id)
            return rules.exchanged(order, pairs, products, request.payment_method_id, methods)

        return await self._carry_out(request, "exchange", key, decide)

    async def _products(self, pairs: Sequence[rules.Swap]) -> dict[str, inventory.Product]:
        wanted = dict.fromkeys(pair.old.product_id for pair in pairs)
        found = await asyncio.gather(*(self._shelf.product(product_id) for product_id in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _carry_out(
        self, request: Request, verb: str, key: str, decide: Callable[[orders.Order], Awaitable[Decision]]
    ) -> orders.Order:
        order_id = request.order_id
        # What was left out stays out, so that the same request is the same text in every revision of the contract.
        asked = f"{verb} {request.model_dump_json(exclude_defaults=True, exclude_none=True)}"
        agreed: Sequence[billing.Transaction] | None = None
        for attempt in range(1, ATTEMPTS + 1):
            seen = await self._book.look(order_id, key=key, asked=asked)
            if seen.done is not None:
                return seen.done
            if request.etag is not None and request.etag != seen.order.etag:
                raise RefusedError(
                    f"order {order_id!r} has changed since you saw it: its etag is {seen.order.etag!r} now, "
                    f"not {request.etag!r}; look at it again before you decide"
                )
            decision = await decide(seen.order)
            if decision.movements != agreed and await self._overseer.agree(seen.order, decision.movements):
                agreed = decision.movements
                continue
            change = Change(key=key, asked=asked, seen=seen.order, order=decision.order)
            # From the first movement on there is no way back but through: half of it must not be left.
            written = await _uninterrupted(self._settle(change, decision.movements, f"{key}:{attempt}"))
            if written.order is not None:
                return written.order
        raise UnavailableError(f"order {order_id!r} keeps changing while it is worked on: try again")

    async def _settle(self, change: Change, movements: Sequence[billing.Transaction], key: str) -> Written:
        begun: list[str] = []
        written = Written()
        try:
            for number, movement in enumerate(movements, start=1):
                begun.append(f"{key}:{movement.transaction_type}-{number}")
                await self._till.move(change.order, movement, key=begun[-1])
            written = await self._book.write(change)
        finally:
            if written.order is None:
                await self._undo(begun)
        return written

    async def _undo(self, keys: Sequence[str]) -> None:
        failed: MeshError | None = None
        for key in reversed(keys):
            try:
                await self._till.reverse(key)
            except MeshError as error:
                failed = failed or error  # The others must be reversed all the same.
        if failed is not None:
            raise failed


async def _uninterrupted(work: Coroutine[object, object, ResultT]) -> ResultT:
    """Finish `work` even when whoever waits for it is cancelled meanwhile, and return what came of it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        return await task
