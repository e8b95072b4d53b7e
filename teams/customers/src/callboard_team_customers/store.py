"""The customers' own records: names, addresses, e-mail addresses, and which orders are theirs."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    insert,
    select,
    update,
)

from callboard_contracts import Nothing, RefusedError
from callboard_contracts.customers import v1 as customers
from callboard_kit.store import Store, asked_text, etag_of

_METADATA = MetaData()
_CUSTOMERS = Table(
    "customers",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("user_id", String, nullable=False, unique=True),
    Column("first_name", String, nullable=False),
    Column("last_name", String, nullable=False),
    Column("address", JSON, nullable=False),
    Column("email", String, nullable=False),
    Column("orders", JSON, nullable=False),
    # As they are searched for: upper and lower case are the same, in every alphabet.
    Column("folded_email", String, nullable=False, index=True),
    Column("folded_name", String, nullable=False, index=True),
    Column("zip", String, nullable=False),
)

_NEWS = Table(
    "order_news",
    _METADATA,
    Column("number", Integer, primary_key=True),
    Column("user_id", String, nullable=False, index=True),
    Column("order_id", String, nullable=False),
    Column("text", String, nullable=False),
    Column("at", String, nullable=False),
)

LONGEST_NEWS: Final = 100
"""How much news of one customer's orders is told."""

_IDS: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[str, ...])


class CustomerStore:
    """Customers by id, without what they pay with: that is billing's."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, _METADATA)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def find_by_email(self, email: str) -> customers.UserId:
        """Return who has this e-mail address.

        Raises:
            RefusedError: Nobody has it.
        """
        with self._store.reading() as connection:
            found = _first(connection, _CUSTOMERS.c.folded_email == email.casefold())
        if found is None:
            raise RefusedError("no customer has this e-mail address: ask for name and zip code")
        return customers.UserId(user_id=found)

    def find_by_name_and_zip(self, who: customers.NameAndZip) -> customers.UserId:
        """Return who has this name and lives there.

        Raises:
            RefusedError: Nobody matches.
        """
        name = _folded_name(who.first_name, who.last_name)
        with self._store.reading() as connection:
            found = _first(connection, _CUSTOMERS.c.folded_name == name, _CUSTOMERS.c.zip == who.zip)
        if found is None:
            raise RefusedError("no customer has this name and lives in this zip code: ask for the e-mail address")
        return customers.UserId(user_id=found)

    def look(self, user_id: str) -> customers.Customer:
        """Return the customer.

        Raises:
            RefusedError: There is no such customer.
        """
        with self._store.reading() as connection:
            return _marked(_customer(_row(connection, user_id)))

    def move(
        self, change: customers.AddressChange, *, key: str, fences: Mapping[str, int] | None = None
    ) -> customers.Customer:
        """Replace the customer's address, once per key, and not after who held the customer's lock later.

        Raises:
            RefusedError: There is no such customer, they are no longer as they were seen, or the lock was lost.
        """

        def effect(connection: Connection) -> customers.Customer:
            etag = etag_of(_customer(_row(connection, change.user_id)))
            if change.etag is not None and change.etag != etag:
                raise RefusedError(
                    f"customer {change.user_id!r} has changed since you saw them: the etag is {etag!r} now, "
                    f"not {change.etag!r}; look again before you decide"
                )
            address = customers.Address.model_validate(change.model_dump())
            connection.execute(
                update(_CUSTOMERS)
                .where(_CUSTOMERS.c.user_id == change.user_id)
                .values(address=address.model_dump(), zip=address.zip)
            )
            return _marked(_customer(_row(connection, change.user_id)))

        return self._store.once(key, asked_text(change), customers.Customer, effect, fences=fences)

    def note(self, user_id: str, news: customers.News, *, key: str) -> None:
        """Note what became of an order of a customer's, once per key.

        Raises:
            RefusedError: There is no such customer.
        """

        def effect(connection: Connection) -> Nothing:
            _row(connection, user_id)
            connection.execute(insert(_NEWS).values(user_id=user_id, **news.model_dump(mode="json")))
            return Nothing()

        # Not the words: they say how the order was by then, which may be another the next time.
        self._store.once(key, f"{user_id} {news.order_id}", Nothing, effect)

    def news(self, user_id: str) -> customers.OrderNews:
        """Return what became of a customer's orders, newest first, up to `LONGEST_NEWS` of it.

        Raises:
            RefusedError: There is no such customer.
        """
        wanted = select(_NEWS).where(_NEWS.c.user_id == user_id).order_by(_NEWS.c.number.desc()).limit(LONGEST_NEWS)
        with self._store.reading() as connection:
            _row(connection, user_id)
            rows = connection.execute(wanted).mappings().all()
        return customers.OrderNews(news=tuple(customers.News.model_validate(dict(row)) for row in rows))

    def all(self) -> tuple[customers.Customer, ...]:
        """Return every customer, in the order they were put in."""
        with self._store.reading() as connection:
            rows = connection.execute(select(_CUSTOMERS).order_by(_CUSTOMERS.c.position)).mappings().all()
        return tuple(_customer(row) for row in rows)

    def replace(self, everyone: Iterable[customers.Customer]) -> None:
        """Put these customers in the place of everything."""
        self._store.replace({_CUSTOMERS: [_record(n, customer) for n, customer in enumerate(everyone)]})


def _first(connection: Connection, *conditions: ColumnElement[bool]) -> str | None:
    query = select(_CUSTOMERS.c.user_id).where(*conditions).order_by(_CUSTOMERS.c.position).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _row(connection: Connection, user_id: str) -> RowMapping:
    row = connection.execute(select(_CUSTOMERS).where(_CUSTOMERS.c.user_id == user_id)).mappings().one_or_none()
    if row is None:
        raise RefusedError(f"there is no customer {user_id!r}")
    return row


def _customer(row: RowMapping) -> customers.Customer:
    return customers.Customer(
        user_id=row["user_id"],
        name=customers.Name(first_name=row["first_name"], last_name=row["last_name"]),
        address=customers.Address.model_validate(row["address"]),
        email=row["email"],
        orders=_IDS.validate_python(row["orders"]),
    )


def _marked(customer: customers.Customer) -> customers.Customer:
    return customer.model_copy(update={"etag": etag_of(customer)})


def _record(position: int, customer: customers.Customer) -> dict[str, object]:
    name, address, email = customer.name, customer.address, customer.email
    if name is None or address is None or email is None:
        raise ValueError(f"customer {customer.user_id!r} has no name, address or e-mail address")
    return {
        "position": position,
        "user_id": customer.user_id,
        **name.model_dump(),
        "address": address.model_dump(),
        "email": email,
        "orders": list(customer.orders),
        "folded_email": email.casefold(),
        "folded_name": _folded_name(name.first_name, name.last_name),
        "zip": address.zip,
    }


def _folded_name(first_name: str, last_name: str) -> str:
    # Joined by what no name holds, so that the border between the two cannot shift.
    return f"{first_name.casefold()}\n{last_name.casefold()}"
