import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callboard_contracts import RefusedError
from callboard_contracts.billing import v1 as billing
from callboard_team_billing.store import Ledger

GIFT = billing.GiftCard(id="gift_card_1", balance=50.0)
CARD = billing.CreditCard(id="credit_card_1", brand="visa", last_four="1234")
WALLETS = {"ada": {GIFT.id: GIFT, CARD.id: CARD}, "bo": {"paypal_1": billing.PayPal(id="paypal_1")}, "cy": {}}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'billing.db'}")
    ledger.replace(WALLETS)
    yield ledger
    ledger.close()


def charge(amount: float, *, key: str = "k", method: str = GIFT.id, user_id: str = "ada") -> billing.Charge:
    return billing.Charge(user_id=user_id, payment_method_id=method, amount=amount, key=key)


def refund(amount: float, *, key: str = "k", method: str = GIFT.id) -> billing.Refund:
    return billing.Refund(user_id="ada", payment_method_id=method, amount=amount, key=key)


def balance(ledger: Ledger) -> float:
    card = ledger.payment_methods("ada").payment_methods[GIFT.id]
    assert isinstance(card, billing.GiftCard)
    return card.balance


def test_what_is_put_in_comes_out_again(ledger: Ledger):
    assert ledger.wallets() == WALLETS


def test_a_customer_without_payment_methods_is_not_an_unknown_one(ledger: Ledger):
    assert ledger.payment_methods("cy") == billing.PaymentMethods()
    with pytest.raises(RefusedError, match="there is no customer 'dee'"):
        ledger.payment_methods("dee")


def test_a_charge_takes_from_a_gift_card_in_whole_cents(ledger: Ledger):
    receipt = ledger.charge("orders", charge(20.10000000000001))

    assert (receipt.balance, balance(ledger)) == (29.9, 29.9)
    assert receipt.transaction.amount == 20.10000000000001


@pytest.mark.parametrize("move", ["charge", "refund"])
def test_a_movement_delivered_twice_moves_money_once(ledger: Ledger, move: str):
    asked = charge(20) if move == "charge" else refund(20)

    first = getattr(ledger, move)("orders", asked)
    second = getattr(ledger, move)("orders", asked)

    assert first == second
    assert balance(ledger) == (30.0 if move == "charge" else 70.0)


def test_a_gift_card_that_does_not_cover_is_refused_and_keeps_its_money(ledger: Ledger):
    with pytest.raises(RefusedError, match="does not cover"):
        ledger.charge("orders", charge(50.01))

    assert balance(ledger) == 50.0


def test_a_charge_that_was_refused_for_want_of_money_may_be_sent_again(ledger: Ledger):
    with pytest.raises(RefusedError):
        ledger.charge("orders", charge(60))
    ledger.refund("orders", refund(10, key="other"))

    assert ledger.charge("orders", charge(60)).balance == 0.0


def test_money_of_other_methods_is_not_kept_here(ledger: Ledger):
    receipt = ledger.charge("orders", charge(900, method=CARD.id))

    assert receipt.balance is None
    assert ledger.wallets() == WALLETS


@pytest.mark.parametrize(("user_id", "method"), [("ada", "paypal_1"), ("bo", GIFT.id), ("dee", GIFT.id)])
def test_somebody_elses_payment_method_is_refused(ledger: Ledger, user_id: str, method: str):
    with pytest.raises(RefusedError, match="has no payment method"):
        ledger.charge("orders", charge(1, user_id=user_id, method=method))


def test_a_key_stands_for_one_movement_only(ledger: Ledger):
    ledger.charge("orders", charge(10))

    with pytest.raises(RefusedError, match="used before"):
        ledger.charge("orders", charge(11))
    with pytest.raises(RefusedError, match="used before"):
        ledger.refund("orders", refund(10))
    assert balance(ledger) == 40.0


def test_a_movement_is_the_same_whichever_revision_of_the_contract_it_was_asked_by(ledger: Ledger, tmp_path: Path):
    first = ledger.charge("orders", charge(10))
    # As a revision would have written it that knew no reasons, and something else.
    other = "UPDATE movements SET asked = json_remove(json_set(asked, '$.more', 1), '$.reason')"
    with closing(sqlite3.connect(tmp_path / "billing.db")) as file, file:
        assert file.execute(other).rowcount == 1

    assert ledger.charge("orders", charge(10)) == first
    assert balance(ledger) == 40.0


def test_two_callers_never_share_a_key(ledger: Ledger):
    ledger.charge("orders", charge(10))
    ledger.charge("shop", charge(20))

    assert balance(ledger) == 20.0


def test_a_reversal_undoes_once_however_often_it_is_asked(ledger: Ledger):
    ledger.charge("orders", charge(10))

    first = ledger.reverse("orders", billing.Reversal(key="k", reason="no"))
    second = ledger.reverse("orders", billing.Reversal(key="k", reason="in other words"))

    undone = billing.Transaction(transaction_type="refund", amount=10, payment_method_id=GIFT.id)
    assert first == second == billing.ReversalReceipt(key="k", transaction=undone, balance=50.0)
    assert balance(ledger) == 50.0


def test_after_a_reversal_nothing_moves_under_the_key_any_more(ledger: Ledger):
    ledger.charge("orders", charge(10))
    ledger.reverse("orders", billing.Reversal(key="k"))

    with pytest.raises(RefusedError, match="was reversed"):
        ledger.charge("orders", charge(10))
    assert balance(ledger) == 50.0


def test_a_charge_that_arrives_after_its_reversal_is_refused(ledger: Ledger):
    assert ledger.reverse("orders", billing.Reversal(key="k")) == billing.ReversalReceipt(key="k")

    with pytest.raises(RefusedError, match="was reversed"):
        ledger.charge("orders", charge(10))
    assert balance(ledger) == 50.0


def test_a_refund_that_was_spent_cannot_be_taken_back(ledger: Ledger):
    ledger.refund("orders", refund(30))
    ledger.charge("orders", charge(70, key="spent"))

    with pytest.raises(RefusedError, match="does not cover"):
        ledger.reverse("orders", billing.Reversal(key="k"))
    assert balance(ledger) == 10.0


def test_refunds_of_a_period_are_listed_latest_first_without_those_taken_back(tmp_path: Path):
    clock = iter((100.0, 200.0, 300.0, 400.0))
    ledger = Ledger(f"sqlite:///{tmp_path / 'times.db'}", now=lambda: next(clock))
    ledger.replace(WALLETS)
    for key in ("before", "first", "back", "last"):
        ledger.refund("orders", refund(len(key), key=key))
    ledger.refund("orders", refund(4, key="last"))
    ledger.charge("orders", charge(1, key="no refund"))
    ledger.reverse("orders", billing.Reversal(key="back"))

    listed = ledger.refunds(billing.RefundPeriod(since=datetime.fromtimestamp(200, UTC)))
    latest = ledger.refunds(billing.RefundPeriod(since=datetime.fromtimestamp(0, UTC), most=1))

    at = {moment: datetime.fromtimestamp(moment, UTC) for moment in (200, 400)}
    assert listed.refunds == (
        billing.BookedRefund(user_id="ada", amount=4, at=at[400]),
        billing.BookedRefund(user_id="ada", amount=5, at=at[200]),
    )
    assert (listed.cut_off, latest.cut_off, len(latest.refunds)) == (False, True, 1)
