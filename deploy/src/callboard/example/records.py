"""The example's records as one file, and as five teams hold them.

A file has three tables keyed by id: `users`, `orders` and `products`. What a user pays with goes to billing, the rest
of a user to customers, orders to orders and products to inventory; a dump joins them again. Each store is written in
one transaction, so workers may run meanwhile; a dump taken while they change things may join two moments.
"""

import json
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import ValidationError, model_validator

from callboard_contracts import Message
from callboard_contracts.customers import v1 as customers
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders
from callboard_kit.settings import Settings
from callboard_team_billing.store import Ledger
from callboard_team_customers.store import CustomerStore
from callboard_team_inventory.store import ProductStore
from callboard_team_orders.store import OrderStore
from callboard_team_support.store import HandoverStore


class ExampleFileError(ValueError):
    """A file that holds no example; the message names the file and what is wrong."""


class Records(Message):
    """Every record of the example, keyed by id."""

    users: Mapping[str, customers.Customer]
    orders: Mapping[str, orders.Order]
    products: Mapping[str, inventory.Product]

    @model_validator(mode="after")
    def _keyed_by_their_ids(self) -> Self:
        ids = (
            *((key, user.user_id) for key, user in self.users.items()),
            *((key, order.order_id) for key, order in self.orders.items()),
            *((key, product.product_id) for key, product in self.products.items()),
        )
        for key, own in ids:
            if key != own:
                raise ValueError(f"the record at {key!r} says that its id is {own!r}")
        for key, user in self.users.items():
            if user.name is None or user.address is None or user.email is None:
                raise ValueError(f"user {key!r} has no name, address or email")
        return self


def load(path: Path, home: Path) -> Records:
    """Fill the stores in `home` with the records of a file, in place of everything they hold.

    Raises:
        ExampleFileError: The file is not JSON or its records are not whole; nothing has been changed then.
        FileNotFoundError: There is no such file.
    """
    try:
        content: object = json.loads(path.read_bytes())
    except ValueError as error:
        raise ExampleFileError(f"{str(path)!r} is not JSON: {error}") from error
    except RecursionError as error:
        raise ExampleFileError(f"{str(path)!r} is nested too deep to be an example") from error
    return fill(content, home, source=repr(str(path)))


def fill(content: object, home: Path, *, source: str = "the example") -> Records:
    """Fill the stores in `home` with records as a file holds them, in place of everything they hold.

    Raises:
        ExampleFileError: The records are not whole; nothing has been changed then.
    """
    try:
        records = Records.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ExampleFileError(f"{source}: {place or 'the whole'}: {fault['msg']}") from error
    with _opened(home) as stores:
        stores.inventory.replace(records.products.values())
        stores.orders.replace(records.orders.values())
        stores.customers.replace(records.users.values())
        stores.billing.replace({user_id: user.payment_methods for user_id, user in records.users.items()})
        stores.support.clear()
    return records


def collect(home: Path) -> dict[str, dict[str, object]]:
    """Return what the stores in `home` hold, as a file holds it; what is absent is left out."""
    with _opened(home) as stores:
        wallets = stores.billing.wallets()
        users = [
            user.model_copy(update={"payment_methods": wallets.get(user.user_id, {})})
            for user in stores.customers.all()
        ]
        return {
            "users": {user.user_id: _plain(user) for user in users},
            "orders": {order.order_id: _plain(order) for order in stores.orders.all()},
            "products": {product.product_id: _plain(product) for product in stores.inventory.all()},
        }


def dump(path: Path, home: Path) -> None:
    """Write what the stores in `home` hold to a file that `load` can read. The file is whole or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(collect(home), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


@dataclass(frozen=True)
class _Stores:
    billing: Ledger
    customers: CustomerStore
    inventory: ProductStore
    orders: OrderStore
    support: HandoverStore


@contextmanager
def _opened(home: Path) -> Generator[_Stores, None, None]:
    url: Callable[[str], str] = Settings(home=home).store_url
    with ExitStack() as opened:
        yield _Stores(
            billing=opened.enter_context(closing(Ledger(url("billing")))),
            customers=opened.enter_context(closing(CustomerStore(url("customers")))),
            inventory=opened.enter_context(closing(ProductStore(url("inventory")))),
            orders=opened.enter_context(closing(OrderStore(url("orders")))),
            support=opened.enter_context(closing(HandoverStore(url("support")))),
        )


def _plain(message: Message) -> dict[str, object]:
    return message.model_dump(mode="json", exclude_none=True)
