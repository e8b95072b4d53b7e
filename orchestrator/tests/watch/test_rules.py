from datetime import UTC, datetime, timedelta

from callboard_contracts.billing import v1 as billing
from callboard_contracts.inventory import v1 as inventory
from callboard_orchestrator.watch.rules import Bounds, LongRun, short_of, stuck, unusual_refunds

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOUNDS = Bounds(refunds=3, refunded=100.0, left=0.5)


def refund(amount: float, *, user_id: str = "ada", at: datetime = NOW) -> billing.BookedRefund:
    return billing.BookedRefund(user_id=user_id, amount=amount, order_id="#W1", at=at)


def mug(*available: bool) -> inventory.Product:
    variants = {
        str(n): inventory.Variant(item_id=str(n), options={}, available=each, price=1.0)
        for n, each in enumerate(available)
    }
    return inventory.Product(product_id="1", name="Mug", variants=variants)


def test_a_customer_who_gets_much_back_or_often_is_unusual_and_others_are_not():
    refunds = [
        refund(100, user_id="much"),
        *(refund(1, user_id="often") for _ in range(3)),
        refund(60, user_id="some"),
        refund(39.99, user_id="some"),
    ]

    found = unusual_refunds(refunds, BOUNDS)

    assert [each.facts["user_id"] for each in found] == ["much", "often"]
    assert found[0].summary == "customer much got $100.00 back in 1 refunds within 24 h"


def test_refunds_are_the_same_finding_until_they_double_or_go_on_for_another_day():
    def key(*refunds: billing.BookedRefund) -> str:
        [finding] = unusual_refunds(refunds, BOUNDS)
        return finding.key

    first = key(refund(110))

    assert key(refund(110), refund(80)) == first
    assert key(refund(110), refund(90)) != first
    assert key(refund(110), refund(1, at=NOW + timedelta(days=1))) != first


def test_a_product_of_which_little_is_left_is_short_and_one_that_is_gone_is_another_finding():
    low, out = short_of(mug(True, False, False), BOUNDS), short_of(mug(False, False), BOUNDS)

    assert short_of(mug(True, False), BOUNDS) is None
    assert short_of(mug(), BOUNDS) is None
    assert low is not None
    assert low.summary == "1 of 3 variants of Mug (product 1) can be had"
    assert out is not None
    assert out.key != low.key
    assert out.weight > low.weight


def test_a_stuck_run_says_what_it_waits_for():
    run = LongRun(run_id="r-1", started=NOW - timedelta(hours=30), pending=("orders.v1 assist, attempt 7",))

    finding = stuck(run, now=NOW)

    assert finding.key == "r-1"
    assert finding.summary == "run r-1 has been going on for 30 h, waiting for orders.v1 assist, attempt 7"
