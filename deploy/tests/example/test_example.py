import json
from collections.abc import Callable
from pathlib import Path

import pytest

from callboard import example
from callboard_kit.settings import Settings
from callboard_team_billing.store import Ledger
from callboard_team_support.store import HandoverStore

TAU2 = Path(__file__).parents[4] / "shared" / "tau2-retail" / "db.json"


def plain(shop: object) -> dict[str, dict[str, dict]]:
    return json.loads(json.dumps(shop))


def loaded_and_dumped(source: Path, folder: Path) -> object:
    example.load(source, folder / "home")
    example.dump(folder / "dump.json", folder / "home")
    return json.loads((folder / "dump.json").read_text())


def test_the_same_seed_makes_the_same_shop_and_another_seed_another():
    assert example.generate(7, customers=20) == example.generate(7, customers=20)
    assert example.generate(7, customers=20) != example.generate(8, customers=20)


def test_there_are_five_hundred_customers_unless_said_otherwise():
    assert len(example.generate(1)["users"]) == 500
    assert len(example.generate(1, customers=3)["users"]) == 3


def test_a_generated_shop_adds_up():
    shop = plain(example.generate(7))

    variants = {
        item_id: variant for product in shop["products"].values() for item_id, variant in product["variants"].items()
    }
    for order in shop["orders"].values():
        owner = shop["users"][order["user_id"]]
        assert order["order_id"] in owner["orders"]
        assert all(item["price"] == variants[item["item_id"]]["price"] for item in order["items"])
        paid = order["payment_history"][0]
        assert paid["amount"] == round(sum(item["price"] for item in order["items"]), 2)
        assert paid["payment_method_id"] in owner["payment_methods"]
        assert [row["transaction_type"] for row in order["payment_history"]] == (
            ["payment", "refund"] if order["status"] == "cancelled" else ["payment"]
        )
        assert bool(order["fulfillments"]) == (order["status"] in {"processed", "delivered"})
    assert {order["status"] for order in shop["orders"].values()} == {"pending", "processed", "delivered", "cancelled"}
    assert sum(len(user["orders"]) for user in shop["users"].values()) == len(shop["orders"])


def test_a_generated_shop_comes_out_as_it_went_in(tmp_path: Path):
    shop = plain(example.generate(7, customers=50))
    source = tmp_path / "shop.json"
    source.write_text(json.dumps(shop))

    assert loaded_and_dumped(source, tmp_path) == shop


@pytest.mark.skipif(not TAU2.exists(), reason=f"the reference records are not here: {TAU2}")
def test_the_reference_records_come_out_as_they_went_in(tmp_path: Path):
    assert loaded_and_dumped(TAU2, tmp_path) == json.loads(TAU2.read_text())


def test_loading_takes_the_place_of_everything_that_was_there(tmp_path: Path):
    example.fill(example.generate(1, customers=5), tmp_path)
    example.fill(example.generate(2, customers=3), tmp_path)

    assert example.collect(tmp_path) == plain(example.generate(2, customers=3))


def test_loading_works_while_somebody_has_the_stores_open(tmp_path: Path):
    url = Settings(home=tmp_path).store_url
    ledger, handovers = Ledger(url("billing")), HandoverStore(url("support"))
    try:
        shop = example.generate(2, customers=3)
        example.fill(shop, tmp_path)

        assert set(ledger.wallets()) == set(shop["users"])
        assert handovers.all() == ()
    finally:
        ledger.close()
        handovers.close()


def break_json(path: Path) -> None:
    path.write_text('{"users": ')


def leave_a_table_out(path: Path) -> None:
    path.write_text(json.dumps({"users": {}, "orders": {}}))


def write_a_price_in_words(path: Path) -> None:
    shop = plain(example.generate(1, customers=5))
    next(iter(shop["orders"].values()))["items"][0]["price"] = "cheap"
    path.write_text(json.dumps(shop))


def mix_up_ids(path: Path) -> None:
    shop = plain(example.generate(1, customers=5))
    shop["users"]["somebody_else"] = shop["users"].pop(next(iter(shop["users"])))
    path.write_text(json.dumps(shop))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (break_json, "is not JSON"),
        (leave_a_table_out, "products: Field required"),
        (write_a_price_in_words, r"orders\..*\.items\.0\.price: "),
        (mix_up_ids, "the record at 'somebody_else' says that its id is"),
    ],
)
def test_a_file_that_holds_no_shop_is_refused_and_nothing_is_changed(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
):
    home, source = tmp_path / "home", tmp_path / "shop.json"
    example.fill(example.generate(1, customers=3), home)
    spoil(source)

    with pytest.raises(example.ExampleFileError, match=reason) as refused:
        example.load(source, home)

    assert str(source) in str(refused.value)
    assert example.collect(home) == plain(example.generate(1, customers=3))
