"""A customer as two teams know them: who they are is ours, what they pay with is billing's."""

from collections.abc import Mapping
from typing import Final, Protocol

from callboard_contracts.billing import v1 as billing
from callboard_contracts.customers import v1 as customers

INSTRUCTIONS: Final = (
    "You work for the customers team of a retailer. You find customers, tell what is known about them and change "
    "their address. Do only what is asked, for the one customer it is about, and answer in one short paragraph."
)


class People(Protocol):
    """Who the customers are, without what they pay with."""

    async def look(self, user_id: str) -> customers.Customer:
        """Return the customer, or refuse."""
        ...

    async def move(self, change: customers.AddressChange, *, key: str) -> customers.Customer:
        """Replace the address, once per key, and return the customer as they are then."""
        ...


class Wallets(Protocol):
    """What the customers pay with."""

    async def payment_methods(self, user_id: str) -> Mapping[str, billing.PaymentMethod]:
        """Return the customer's payment methods by their ids, or refuse."""
        ...


class Registrar:
    """Answers for whole customers; keeps nothing between questions."""

    def __init__(self, *, people: People, wallets: Wallets) -> None:
        self._people = people
        self._wallets = wallets

    async def details(self, user_id: str) -> customers.Customer:
        """Return the customer with their payment methods.

        Raises:
            RefusedError: There is no such customer.
        """
        customer = await self._people.look(user_id)
        return await self._with_wallet(customer)

    async def change_address(self, change: customers.AddressChange, *, key: str) -> customers.Customer:
        """Replace the customer's own address, once per key.

        Raises:
            RefusedError: There is no such customer.
        """
        # What can fail without a trace comes first: once the address is changed, nothing may be left to fail.
        methods = await self._wallets.payment_methods(change.user_id)
        customer = await self._people.move(change, key=key)
        return customer.model_copy(update={"payment_methods": methods})

    async def _with_wallet(self, customer: customers.Customer) -> customers.Customer:
        methods = await self._wallets.payment_methods(customer.user_id)
        return customer.model_copy(update={"payment_methods": methods})
