"""Billing's books: every customer's payment methods, and every movement of money by its key.

The ledger itself is the memory of keys: a movement is written in the transaction that changes the balance, and a key
that was reversed before anything happened under it is written down too.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    insert,
    select,
    update,
)

from callboard_contracts import RefusedError
from callboard_contracts.billing import v1 as billing
from callboard_kit.store import Store, require_fences
from callboard_team_billing.agent import after, balance_of, opposite

Wallets = Mapping[str, Mapping[str, billing.PaymentMethod]]
"""Payment methods by their ids, by customer."""

_METADATA = MetaData()
_WALLETS = Table(
    "wallets",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("user_id", String, nullable=False, unique=True),
)
_METHODS = Table(
    "payment_methods",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("user_id", String, nullable=False, index=True),
    Column("id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("brand", String),
    Column("last_four", String),
    Column("balance", Float),
)
_MOVEMENTS = Table(
    "movements",
    _METADATA,
    Column("caller", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("asked", JSON(none_as_null=True)),
    Column("receipt", JSON(none_as_null=True)),
    Column("reversed", Boolean, nullable=False, default=False),
    Column("reason", String),
    Column("reversal", JSON(none_as_null=True)),
)

# Beside the movements, whose own table knows no time: it is made where an older file lacks it.
_REFUNDS = Table(
    "refunds",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("caller", String, nullable=False),
    Column("key", String, nullable=False),
    Column("at", Float, nullable=False, index=True),
)

_METHOD: Final[TypeAdapter[billing.PaymentMethod]] = TypeAdapter(billing.PaymentMethod)


class Ledger:
    """Payment methods, balances and movements. Every movement happens once per caller and key."""

    def __init__(self, url: str, *, now: Callable[[], float] = time.time) -> None:
        self._store = Store(url, _METADATA)
        self._now = now

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def payment_methods(self, user_id: str) -> billing.PaymentMethods:
        """Return what the customer can pay with.

        Raises:
            RefusedError: There is no such customer.
        """
        with self._store.reading() as connection:
            known = connection.execute(select(_WALLETS.c.user_id).where(_WALLETS.c.user_id == user_id)).one_or_none()
            rows = connection.execute(_methods().where(_METHODS.c.user_id == user_id)).mappings().all()
        if known is None:
            raise RefusedError(f"there is no customer {user_id!r}")
        return billing.PaymentMethods(payment_methods={row["id"]: _method(row) for row in rows})

    def charge(
        self, caller: str, charge: billing.Charge, *, fences: Mapping[str, int] | None = None
    ) -> billing.Receipt:
        """Take money, once per key.

        Raises:
            RefusedError: The method is not the customer's, does not cover it, its lock was lost, or the key stands for
                something else.
        """
        return self._move(caller, charge, "payment", fences or {})

    def refund(
        self, caller: str, refund: billing.Refund, *, fences: Mapping[str, int] | None = None
    ) -> billing.Receipt:
        """Give money back, once per key.

        Raises:
            RefusedError: The method is not the customer's, its lock was lost, or the key stands for something else.
        """
        return self._move(caller, refund, "refund", fences or {})

    def reverse(self, caller: str, reversal: billing.Reversal) -> billing.ReversalReceipt:
        """Undo the movement with this key, or see to it that it never happens.

        Raises:
            RefusedError: The gift card that was refunded to no longer holds the amount.
        """
        with self._store.writing() as connection:
            row = _movement(connection, caller, reversal.key)
            if row is not None and row["reversed"]:
                return billing.ReversalReceipt.model_validate(row["reversal"])
            receipt = billing.ReversalReceipt(key=reversal.key)
            if row is not None:
                undo = opposite(billing.Receipt.model_validate(row["receipt"]).transaction)
                balance = _book(connection, str(row["asked"]["user_id"]), undo)
                receipt = billing.ReversalReceipt(key=reversal.key, transaction=undo, balance=balance)
            closed = {"reversed": True, "reason": reversal.reason, "reversal": receipt.model_dump(mode="json")}
            if row is None:
                connection.execute(insert(_MOVEMENTS).values(caller=caller, key=reversal.key, **closed))
            else:
                connection.execute(update(_MOVEMENTS).where(*_is(caller, reversal.key)).values(**closed))
            return receipt

    def refunds(self, period: billing.RefundPeriod) -> billing.BookedRefunds:
        """Return the refunds that were booked in a period and not taken back, the latest first."""
        of = (_MOVEMENTS.c.caller == _REFUNDS.c.caller) & (_MOVEMENTS.c.key == _REFUNDS.c.key)
        booked = (
            select(_REFUNDS.c.at, _MOVEMENTS.c.asked)
            .join(_MOVEMENTS, of)
            .where(_REFUNDS.c.at >= period.since.timestamp(), _MOVEMENTS.c.reversed.is_(False))
            .order_by(_REFUNDS.c.position.desc())
            .limit(period.most + 1)
        )
        with self._store.reading() as connection:
            rows = connection.execute(booked).mappings().all()
        found = tuple(
            billing.BookedRefund.model_validate({**row["asked"], "at": datetime.fromtimestamp(row["at"], UTC)})
            for row in rows
        )
        return billing.BookedRefunds(refunds=found[: period.most], cut_off=len(found) > period.most)

    def wallets(self) -> Wallets:
        """Return the payment methods of every customer, in the order they were put in."""
        with self._store.reading() as connection:
            owners = connection.execute(select(_WALLETS.c.user_id).order_by(_WALLETS.c.position)).scalars().all()
            rows = connection.execute(_methods()).mappings().all()
        wallets: dict[str, dict[str, billing.PaymentMethod]] = {owner: {} for owner in owners}
        for row in rows:
            wallets[row["user_id"]][row["id"]] = _method(row)
        return wallets

    def replace(self, wallets: Wallets) -> None:
        """Put these payment methods in the place of everything, movements included."""
        methods = [(user_id, method) for user_id, owned in wallets.items() for method in owned.values()]
        self._store.replace(
            {
                _WALLETS: [{"position": n, "user_id": user_id} for n, user_id in enumerate(wallets)],
                _METHODS: [
                    {"brand": None, "last_four": None, "balance": None}
                    | {"position": n, "user_id": user_id, **method.model_dump()}
                    for n, (user_id, method) in enumerate(methods)
                ],
            }
        )

    def _move(
        self, caller: str, asked: billing.Charge | billing.Refund, kind: str, fences: Mapping[str, int]
    ) -> billing.Receipt:
        content = {"kind": kind, **asked.model_dump(mode="json")}
        with self._store.writing() as connection:
            row = _movement(connection, caller, asked.key)
            if row is not None and row["reversed"]:
                raise RefusedError(f"key {asked.key!r} was reversed: nothing can be moved under it any more")
            if row is not None and not _is_same(row["asked"], kind, asked):
                raise RefusedError(
                    f"key {asked.key!r} was used before for another movement: give each a key of its own"
                )
            if row is not None:
                return billing.Receipt.model_validate(row["receipt"])
            require_fences(connection, fences)
            transaction = billing.Transaction(
                transaction_type="payment" if kind == "payment" else "refund",
                amount=asked.amount,
                payment_method_id=asked.payment_method_id,
            )
            balance = _book(connection, asked.user_id, transaction)
            receipt = billing.Receipt(key=asked.key, transaction=transaction, balance=balance)
            connection.execute(
                insert(_MOVEMENTS).values(
                    caller=caller, key=asked.key, asked=content, receipt=receipt.model_dump(mode="json")
                )
            )
            if kind == "refund":
                connection.execute(insert(_REFUNDS).values(caller=caller, key=asked.key, at=self._now()))
            return receipt


def _is_same(before: Mapping[str, object], kind: str, asked: billing.Charge | billing.Refund) -> bool:
    """Tell whether what was asked before is what is asked now, whichever revision of the contract it was asked by."""
    return before["kind"] == kind and type(asked).model_validate(before) == asked


def _methods() -> Select[tuple[object, ...]]:
    return select(_METHODS).order_by(_METHODS.c.position)


def _method(row: RowMapping) -> billing.PaymentMethod:
    return _METHOD.validate_python({name: value for name, value in row.items() if value is not None})


def _is(caller: str, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _MOVEMENTS.c.caller == caller, _MOVEMENTS.c.key == key


def _movement(connection: Connection, caller: str, key: str) -> RowMapping | None:
    return connection.execute(select(_MOVEMENTS).where(*_is(caller, key))).mappings().one_or_none()


def _book(connection: Connection, user_id: str, transaction: billing.Transaction) -> float | None:
    theirs = (_METHODS.c.user_id == user_id, _METHODS.c.id == transaction.payment_method_id)
    row = connection.execute(select(_METHODS).where(*theirs)).mappings().one_or_none()
    if row is None:
        raise RefusedError(f"customer {user_id!r} has no payment method {transaction.payment_method_id!r}")
    method = after(_method(row), transaction)
    balance = balance_of(method)
    if balance is not None:
        connection.execute(update(_METHODS).where(*theirs).values(balance=balance))
    return balance
