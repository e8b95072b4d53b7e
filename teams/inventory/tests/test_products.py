from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard_contracts import RefusedError
from callboard_contracts.inventory import v1 as inventory
from callboard_team_inventory.store import ProductStore


def variant(item_id: str, *, available: bool = True) -> inventory.Variant:
    return inventory.Variant(item_id=item_id, options={"size": item_id}, available=available, price=9.99)


TEAPOT = inventory.Product(product_id="2", name="Teapot", variants={"21": variant("21"), "20": variant("20")})
BARE = inventory.Product(product_id="3", name="Mat", variants={})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProductStore]:
    store = ProductStore(f"sqlite:///{tmp_path / 'inventory.db'}")
    store.replace([TEAPOT, BARE])
    yield store
    store.close()


def test_what_is_put_in_comes_out_in_the_same_order(store: ProductStore):
    assert store.all() == (TEAPOT, BARE)
    assert list(store.product("2").variants) == ["21", "20"]


def test_product_types_are_listed_by_name(store: ProductStore):
    assert list(store.product_types().product_types.items()) == [("Mat", "3"), ("Teapot", "2")]


def test_a_variant_is_found_by_its_own_id(store: ProductStore):
    assert store.variant("20") == TEAPOT.variants["20"]


@pytest.mark.parametrize("product_id", ["20", "4"])
def test_an_id_that_is_no_products_is_refused(store: ProductStore, product_id: str):
    with pytest.raises(RefusedError, match=f"there is no product '{product_id}'"):
        store.product(product_id)


@pytest.mark.parametrize("item_id", ["2", "4"])
def test_an_id_that_is_no_variants_is_refused(store: ProductStore, item_id: str):
    with pytest.raises(RefusedError, match=f"there is no item '{item_id}'"):
        store.variant(item_id)
