"""From a wish to what is to be done about it: one function for each kind of wish."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from callboard.offline_model.planner import goods, places
from callboard.offline_model.planner.casebook import Casebook, Deed, GivenUpError, read, sorry
from callboard.offline_model.planner.words import Wish
from callboard_contracts.billing import v1 as billing
from callboard_contracts.customers import v1 as customers
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders


def _cancel(book: Casebook, wish: Wish) -> None:
    chosen = _orders_of(book, wish)
    item_names = _named_items(chosen, wish) if not wish.order_ids else []
    if item_names:
        chosen = [order for order in chosen if goods.meant(wish.text, order.items)]
        chosen = [order for order in chosen if order.status.startswith("pending")] or chosen
        partial = [order for order in chosen if len(goods.meant(wish.text, order.items)) < len(order.items)]
        if partial and not re.search(r"\border", wish.text, re.I):
            book.refusals.append(
                f"I did not cancel anything of order {partial[0].order_id}: only a whole order can be cancelled, "
                "and it holds other items too."
            )
            return
    mistake = re.search(r"\bmistake|\baccident", book.case.words, re.I) is not None
    reason = "ordered by mistake" if mistake else "no longer needed"
    for order in chosen:
        book.deeds.append(
            Deed(
                operation="cancel_pending_order",
                arguments={"order_id": order.order_id, "reason": reason},
                about=order.order_id,
                done=f"Order {order.order_id} is cancelled ({reason}).",
                tried=f"cancel order {order.order_id}",
                amount=sum_of(item.price for item in order.items),
            )
        )
    _say_if_none(book, wish, chosen)


def _return(book: Casebook, wish: Wish) -> None:
    chosen: list[orders.Order] = []
    for order in _orders_of(book, wish):
        # An order of one's own choice must be one that can be returned; a named one is the team's to judge.
        if not wish.order_ids and order.status != "delivered":
            continue
        items = goods.meant(wish.text, order.items)
        if not items and wish.order_ids and not _named_items(list(book.known.values()), wish):
            items = list(order.items)
        if not items:
            continue
        chosen.append(order)
        names = _listed([item.name for item in items])
        method = _payment_method(book, order, wish)
        book.deeds.append(
            Deed(
                operation="return_delivered_order_items",
                arguments={
                    "order_id": order.order_id,
                    "item_ids": [item.item_id for item in items],
                    "payment_method_id": method,
                },
                about=order.order_id,
                done=f"The return of {names} from order {order.order_id} is requested; the refund goes to {method}.",
                tried=f"return {names} from order {order.order_id}",
                amount=sum_of(item.price for item in items),
            )
        )
    _say_if_none(book, wish, chosen)


def _replace(book: Casebook, wish: Wish) -> None:
    """Exchange delivered items, modify pending ones: all of one order at once, as it can be done only once."""
    pairs = goods.wants(wish.text)
    plans: list[tuple[orders.Order, orders.Item, str]] = []
    for pair in pairs:
        plan = _place_of(book, wish, pair.item)
        if plan is None:
            book.refusals.append(f"I found no item for {pair.item.strip()!r} in your orders.")
            continue
        plans.append((*plan, pair.wish))
    ids = dict.fromkeys(item.product_id for _, item, _ in plans)
    results = {product_id: book.desk.ask("get_product_details", product_id=product_id) for product_id in ids}
    book.desk.wait()
    by_order: dict[str, list[tuple[orders.Item, inventory.Variant]]] = {}
    for order, item, words in plans:
        result = results[item.product_id]
        assert result is not None
        product = read(result, inventory.Product, f"look up the product {item.name}")
        variant = goods.choose(item, product, words)
        if variant is None:
            left = [one for one in product.variants.values() if one.available and one.item_id != item.item_id]
            book.refusals.append(
                f"I left the {item.name} of order {order.order_id} as it is: no available variant is "
                f"{words.strip(' .')!r}. Available: {'; '.join(_spelt(one.options) for one in left[:4])}."
            )
            continue
        by_order.setdefault(order.order_id, []).append((item, variant))
    for order_id, swaps in by_order.items():
        book.deeds.append(_replacement(book, book.known[order_id], swaps, wish))
    if not pairs:
        book.refusals.append(f"I did not understand what should come in place of what in {wish.text!r}.")


def _replacement(
    book: Casebook, order: orders.Order, swaps: Sequence[tuple[orders.Item, inventory.Variant]], wish: Wish
) -> Deed:
    pending = order.status.startswith("pending") or (
        order.status != "delivered" and re.search(r"\bexchange\b", wish.text, re.I) is None
    )
    names = _listed([f"{item.name} ({_spelt(variant.options)})" for item, variant in swaps])
    new, old = (sum_of(variant.price for _, variant in swaps), sum_of(item.price for item, _ in swaps))
    return Deed(
        operation="modify_pending_order_items" if pending else "exchange_delivered_order_items",
        arguments={
            "order_id": order.order_id,
            "item_ids": [item.item_id for item, _ in swaps],
            "new_item_ids": [variant.item_id for _, variant in swaps],
            "payment_method_id": _payment_method(book, order, wish),
        },
        about=order.order_id,
        done=f"Order {order.order_id} {'now has' if pending else 'will be exchanged for'} {names}.",
        tried=f"{'modify' if pending else 'exchange items of'} order {order.order_id}",
        amount=f"({old}) - ({new})",
    )


def _change_address(book: Casebook, wish: Wish) -> None:
    place = places.find(wish.text) or places.find(book.case.words)
    source = re.search(r"\b(?:same (?:address )?as|to (?:that|the (?:one|address)) of)\D{0,20}(#W\d+)", wish.text, re.I)
    targets = [order_id for order_id in wish.order_ids if source is None or order_id != source[1]]
    if source is not None and source[1] in book.known:
        place = _place(book.known[source[1]].address)
    elif place is None and re.search(r"\b(?:default|home|profile|own|account) address\b", wish.text, re.I):
        place = _place(book.customer.address if book.customer else None)
    if place is None:
        book.refusals.append("I did not change an address: I need its street, city, two-letter state and zip.")
        return
    moved = re.search(r"\bmoved\b|\beverywhere\b|\ball (?:of )?my addresses\b", wish.text, re.I) is not None
    pending = re.search(r"\b(?:pending |open |all (?:of )?(?:my |the )?)orders?\b", wish.text, re.I) is not None
    own = re.search(r"\b(?:my|default|profile|account|home) address\b|\baddress in my\b", wish.text, re.I) is not None
    if moved or pending:
        targets = [order.order_id for order in book.known.values() if order.status == "pending"]
    if book.customer is not None and (moved or (own and source is None and not wish.order_ids)):
        book.deeds.append(
            Deed(
                operation="modify_user_address",
                arguments={"user_id": book.customer.user_id, **place.arguments},
                about=book.customer.user_id,
                done=f"Your own address is now {place}.",
                tried="change your own address",
            )
        )
    for order_id in targets:
        book.deeds.append(
            Deed(
                operation="modify_pending_order_address",
                arguments={"order_id": order_id, **place.arguments},
                about=order_id,
                done=f"Order {order_id} goes to {place}.",
                tried=f"change the address of order {order_id}",
            )
        )


def _change_payment(book: Casebook, wish: Wish) -> None:
    for order in _orders_of(book, wish):
        method = _payment_method(book, order, wish)
        book.deeds.append(
            Deed(
                operation="modify_pending_order_payment",
                arguments={"order_id": order.order_id, "payment_method_id": method},
                about=order.order_id,
                done=f"Order {order.order_id} is paid with {method}.",
                tried=f"pay order {order.order_id} with {method}",
            )
        )


def _tell_stock(book: Casebook, wish: Wish) -> None:
    types = read(book.desk.fetch("list_all_product_types"), inventory.ProductTypes, "list the products")
    best = max(types.product_types, key=lambda name: goods.named(wish.text, name), default="")
    if not goods.named(wish.text, best):
        book.refusals.append(f"I know no product for {wish.text!r}.")
        return
    result = book.desk.fetch("get_product_details", product_id=types.product_types[best])
    product = read(result, inventory.Product, f"look up the product {best}")
    available = sorted((one for one in product.variants.values() if one.available), key=lambda one: one.price)
    cheapest = f"; the cheapest costs ${available[0].price:.2f} ({_spelt(available[0].options)})" if available else ""
    book.answers.append(f"Of {product.name} {len(available)} variants are available{cheapest}.")


def _tell_status(book: Casebook, wish: Wish) -> None:
    for order in _orders_of(book, wish):
        tracking = [number for one in order.fulfillments for number in one.tracking_id]
        sent = f", tracking number {_listed(tracking)}" if tracking else ""
        items = _listed([item.name for item in order.items])
        book.answers.append(f"Order {order.order_id} ({items}) is {order.status}{sent}.")


def _calculate(book: Casebook, wish: Wish) -> None:
    found = re.search(r"[\d(][\d\s.+\-*/()]*", wish.text)
    expression = found[0].strip(" .") if found else ""
    result = book.desk.fetch("calculate", expression=expression)
    if result.ok:
        book.answers.append(f"{expression} is {result.field('result')}.")
    else:
        book.refusals.append(sorry(f"calculate {expression}", result))


def _later(_book: Casebook, _wish: Wish) -> None:
    """Do nothing now: totals and handing over come after everything else."""


def _orders_of(book: Casebook, wish: Wish) -> list[orders.Order]:
    """Find the orders a wish is about: those it names, the pending ones it speaks of, else all that are known."""
    if wish.order_ids:
        return [book.known[order_id] for order_id in wish.order_ids if order_id in book.known]
    known = list(book.known.values())
    if re.search(r"\b(?:pending|open) orders?\b", wish.text, re.I):
        return [order for order in known if order.status.startswith("pending")]
    if len(book.case.order_ids) == 1 and not _named_items(known, wish):
        return [book.known[book.case.order_ids[0]]]
    return known


def _named_items(among: Sequence[orders.Order], wish: Wish) -> list[str]:
    return [item.name for order in among for item in order.items if goods.named(wish.text, item.name)]


def _place_of(book: Casebook, wish: Wish, text: str) -> tuple[orders.Order, orders.Item] | None:
    """Find the item a text means, in an order where it can be replaced if there is one."""
    found = [(order, item) for order in _orders_of(book, wish) for item in goods.meant(text, order.items)]
    received = re.search(r"\bexchange|\breceived", wish.text, re.I) is not None
    ranking = {"delivered": 0 if received else 1, "pending": 1 if received else 0}
    ranked = sorted(found, key=lambda one: ranking.get(one[0].status, 2))
    return ranked[0] if ranked else None


def _payment_method(book: Casebook, order: orders.Order, wish: Wish) -> str:
    """Choose what is paid with: what the words ask for, else what the order was paid with."""
    methods: Mapping[str, billing.PaymentMethod] = {}
    if book.customer is not None:
        methods = book.customer.payment_methods
    for text in (wish.text, book.case.words):
        for key, method in methods.items():
            if re.search(rf"\b{method.source.replace('_', ' ?')}", text, re.I):
                return key
    if order.payment_history:
        return order.payment_history[0].payment_method_id
    if methods:
        return next(iter(methods))
    raise GivenUpError(f"I may not see how order {order.order_id} was paid, so I left it as it is.")


def _place(address: orders.Address | customers.Address | None) -> places.Place | None:
    return None if address is None else places.Place(**address.model_dump())


def _say_if_none(book: Casebook, wish: Wish, chosen: Sequence[orders.Order]) -> None:
    if not chosen:
        book.refusals.append(f"I found no order for {wish.text!r}.")


def sum_of(prices: Iterable[float]) -> str:
    """Write prices as a sum that can be calculated."""
    return " + ".join(f"{price:.2f}" for price in prices)


def _spelt(options: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in options.items())


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


DECIDE: dict[str, Callable[[Casebook, Wish], None]] = {
    "cancel": _cancel,
    "return": _return,
    "replace": _replace,
    "address": _change_address,
    "payment": _change_payment,
    "stock": _tell_stock,
    "status": _tell_status,
    "calculate": _calculate,
    "total": _later,
    "human": _later,
}
