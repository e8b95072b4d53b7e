from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callboard_contracts import RefusedError
from callboard_contracts.billing import v1 as billing
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import feed
from callboard_contracts.orders import v1 as orders
from callboard_team_customers.agent import Registrar
from callboard_team_customers.news import sentence
from callboard_team_customers.store import CustomerStore
from callboard_team_customers.workflows import TOOLS

OLD = customers.Address(address1="1 Mill Lane", city="Reno", country="USA", state="NV", zip="89501")
ADA = customers.Customer(
    user_id="ada",
    name=customers.Name(first_name="Ada", last_name="Øster"),
    address=OLD,
    email="Ada.Oster@example.com",
    orders=("#W2", "#W1"),
)
TWIN = ADA.model_copy(update={"user_id": "ada_2", "email": "twin@example.com"})
CHANGE = customers.AddressChange(
    user_id="ada", address1="9 Quarry Street", address2="", city="Boise", state="ID", country="USA", zip="83701"
)
PAYPAL = billing.PayPal(id="paypal_1")


class Wallets:
    def __init__(self, wallets: Mapping[str, Mapping[str, billing.PaymentMethod]]) -> None:
        self._wallets = wallets

    async def payment_methods(self, user_id: str) -> Mapping[str, billing.PaymentMethod]:
        if user_id not in self._wallets:
            raise RefusedError(f"there is no customer {user_id!r}")
        return self._wallets[user_id]


class People:
    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    async def look(self, user_id: str) -> customers.Customer:
        return self._store.look(user_id)

    async def move(self, change: customers.AddressChange, *, key: str) -> customers.Customer:
        return self._store.move(change, key=key)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CustomerStore]:
    store = CustomerStore(f"sqlite:///{tmp_path / 'customers.db'}")
    store.replace([ADA, TWIN])
    yield store
    store.close()


@pytest.mark.parametrize("email", ["Ada.Oster@example.com", "ADA.OSTER@EXAMPLE.COM"])
def test_an_email_address_is_found_in_upper_and_lower_case(store: CustomerStore, email: str):
    assert store.find_by_email(email).user_id == "ada"


def test_a_name_is_found_in_upper_and_lower_case_of_every_alphabet_the_oldest_customer_first(store: CustomerStore):
    who = customers.NameAndZip(first_name="ADA", last_name="øSTER", zip="89501")

    assert store.find_by_name_and_zip(who).user_id == "ada"


def test_a_search_that_finds_nobody_is_refused_without_repeating_what_was_asked(store: CustomerStore):
    with pytest.raises(RefusedError) as by_email:
        store.find_by_email("secret@example.com")
    with pytest.raises(RefusedError) as by_name:
        store.find_by_name_and_zip(customers.NameAndZip(first_name="Ada", last_name="Øster", zip="00000"))

    assert "secret" not in str(by_email.value)
    assert "Øster" not in str(by_name.value)


async def test_a_customer_is_shown_with_what_billing_says_they_pay_with(store: CustomerStore):
    registrar = Registrar(people=People(store), wallets=Wallets({"ada": {PAYPAL.id: PAYPAL}}))

    shown = await registrar.details("ada")

    assert shown == ADA.model_copy(update={"payment_methods": {PAYPAL.id: PAYPAL}, "etag": shown.etag})
    assert shown.etag


async def test_a_changed_address_is_complete_and_found_by_its_zip(store: CustomerStore):
    registrar = Registrar(people=People(store), wallets=Wallets({"ada": {}}))

    moved = await registrar.change_address(CHANGE, key="k")

    assert moved.address == customers.Address.model_validate(CHANGE.model_dump())
    assert store.find_by_name_and_zip(customers.NameAndZip(first_name="Ada", last_name="Øster", zip="83701"))
    assert store.look("ada_2").address == OLD


async def test_nothing_is_changed_when_billing_refuses(store: CustomerStore):
    registrar = Registrar(people=People(store), wallets=Wallets({}))

    with pytest.raises(RefusedError):
        await registrar.change_address(CHANGE, key="k")

    assert store.all() == (ADA, TWIN)


def test_a_late_second_delivery_does_not_bring_the_old_address_back(store: CustomerStore):
    first = store.move(CHANGE, key="k1")
    store.move(CHANGE.model_copy(update={"address1": "10 Quarry Street"}), key="k2")

    assert store.move(CHANGE, key="k1") == first
    address = store.look("ada").address
    assert address is not None
    assert address.address1 == "10 Quarry Street"


def test_who_decided_on_what_has_changed_since_is_refused_with_what_it_is_now(store: CustomerStore):
    seen = store.look("ada").etag
    moved = store.move(CHANGE.model_copy(update={"etag": seen}), key="k1")
    back = CHANGE.model_copy(update={"address1": "1 Mill Lane", "etag": seen})

    with pytest.raises(RefusedError, match=f"changed since you saw them: the etag is '{moved.etag}' now, not '{seen}'"):
        store.move(back, key="k2")

    assert store.look("ada") == moved


def test_who_held_the_customers_lock_earlier_writes_no_more(store: CustomerStore):
    store.move(CHANGE, key="k1", fences={"user_id-ada": 2})

    with pytest.raises(RefusedError, match="the lock 'user_id-ada' was lost"):
        store.move(CHANGE, key="k2", fences={"user_id-ada": 1})


def test_an_unknown_customer_cannot_move(store: CustomerStore):
    with pytest.raises(RefusedError, match="there is no customer 'eve'"):
        store.move(CHANGE.model_copy(update={"user_id": "eve"}), key="k")


def test_the_agent_is_given_the_teams_operations_but_not_itself_nor_what_moves_money():
    names = {tool.spec.name for tool in TOOLS}

    assert names == {
        "customers_v1__find_user_id_by_email",
        "customers_v1__find_user_id_by_name_zip",
        "customers_v1__get_user_details",
        "customers_v1__modify_user_address",
        "billing_v1__list_payment_methods",
    }


def told(status: orders.Status, before: orders.Status = "pending") -> feed.OrderChanged:
    return feed.OrderChanged(order_id="#W1", user_id="ada", before=before, status=status)


def order(*history: billing.Transaction) -> orders.Order:
    return orders.Order(order_id="#W1", user_id="ada", items=(), status="cancelled", payment_history=history)


def test_news_of_a_cancelled_order_say_where_the_money_goes():
    paid = billing.Transaction(transaction_type="payment", amount=1200.5, payment_method_id="card_1")
    back = [
        paid.model_copy(update={"transaction_type": "refund", "payment_method_id": method})
        for method in ("card_1", "paypal_1", "gone")
    ]
    card = billing.CreditCard(id="card_1", brand="visa", last_four="4242")

    assert sentence(told("cancelled"), order(paid, *back), {"card_1": card, "paypal_1": PAYPAL}) == (
        "Order #W1 was cancelled; what was paid goes back: US$ 1,200.50 to the visa card that ends in 4242, "
        "US$ 1,200.50 to PayPal, US$ 1,200.50 to what it was paid with."
    )


def test_news_say_what_became_of_an_order_or_that_something_about_it_did():
    assert sentence(told("return requested"), order(), {}) == "Order #W1 is to be returned in part or whole."
    assert sentence(told("processed"), order(), {}) == "Order #W1 is processed."
    assert sentence(told("pending"), order(), {}) == "Order #W1 was changed."


def test_news_are_kept_once_whatever_the_words_are_the_second_time_and_listed_newest_first(store: CustomerStore):
    first, second = (
        customers.News(order_id="#W1", text=text, at=datetime(2026, 5, 4, tzinfo=UTC)) for text in ("one", "two")
    )
    store.note("ada", first, key="event-1")
    store.note("ada", second, key="event-2")
    store.note("ada", first.model_copy(update={"text": "one, as it is by now"}), key="event-1")

    assert store.news("ada").news == (second, first)
    assert store.news("ada_2").news == ()
    for attempt in (lambda: store.news("nobody"), lambda: store.note("nobody", first, key="event-3")):
        with pytest.raises(RefusedError, match="there is no customer 'nobody'"):
            attempt()
