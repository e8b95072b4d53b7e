"""Products and their variants."""

from collections.abc import Iterable

from sqlalchemy import JSON, Boolean, Column, Float, Integer, MetaData, RowMapping, String, Table, select

from callboard_contracts import RefusedError
from callboard_contracts.inventory import v1 as inventory
from callboard_kit.store import Store

_METADATA = MetaData()
_PRODUCTS = Table(
    "products",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("product_id", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
)
_VARIANTS = Table(
    "variants",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("item_id", String, nullable=False, unique=True),
    Column("product_id", String, nullable=False, index=True),
    Column("options", JSON, nullable=False),
    Column("available", Boolean, nullable=False),
    Column("price", Float, nullable=False),
)


class ProductStore:
    """Products by id, variants by id."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, _METADATA)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def product_types(self) -> inventory.ProductTypes:
        """Return the id of every product by its name, in alphabetical order of the names."""
        with self._store.reading() as connection:
            rows = connection.execute(select(_PRODUCTS).order_by(_PRODUCTS.c.name)).mappings().all()
        return inventory.ProductTypes(product_types={row["name"]: row["product_id"] for row in rows})

    def product(self, product_id: str) -> inventory.Product:
        """Return a product with all its variants.

        Raises:
            RefusedError: There is no such product.
        """
        mine = _VARIANTS.c.product_id == product_id
        with self._store.reading() as connection:
            product = connection.execute(select(_PRODUCTS).where(_PRODUCTS.c.product_id == product_id))
            row = product.mappings().one_or_none()
            variants = connection.execute(select(_VARIANTS).where(mine).order_by(_VARIANTS.c.position)).mappings().all()
        if row is None:
            raise RefusedError(f"there is no product {product_id!r}: the id of a variant is not that of a product")
        return _product(row, variants)

    def variant(self, item_id: str) -> inventory.Variant:
        """Return one variant.

        Raises:
            RefusedError: There is no such variant.
        """
        with self._store.reading() as connection:
            found = connection.execute(select(_VARIANTS).where(_VARIANTS.c.item_id == item_id))
            row = found.mappings().one_or_none()
        if row is None:
            raise RefusedError(f"there is no item {item_id!r}: the id of a product is not that of a variant")
        return _variant(row)

    def all(self) -> tuple[inventory.Product, ...]:
        """Return every product, in the order they were put in."""
        with self._store.reading() as connection:
            products = connection.execute(select(_PRODUCTS).order_by(_PRODUCTS.c.position)).mappings().all()
            variants = connection.execute(select(_VARIANTS).order_by(_VARIANTS.c.position)).mappings().all()
        theirs: dict[str, list[RowMapping]] = {}
        for variant in variants:
            theirs.setdefault(variant["product_id"], []).append(variant)
        return tuple(_product(row, theirs.get(row["product_id"], [])) for row in products)

    def replace(self, everything: Iterable[inventory.Product]) -> None:
        """Put these products in the place of everything."""
        products = tuple(everything)
        variants = [(product.product_id, variant) for product in products for variant in product.variants.values()]
        self._store.replace(
            {
                _PRODUCTS: [
                    {"position": n, "product_id": product.product_id, "name": product.name}
                    for n, product in enumerate(products)
                ],
                _VARIANTS: [
                    {"position": n, "product_id": product_id, **variant.model_dump(mode="json")}
                    for n, (product_id, variant) in enumerate(variants)
                ],
            }
        )


def _product(row: RowMapping, variants: Iterable[RowMapping]) -> inventory.Product:
    return inventory.Product(
        product_id=row["product_id"],
        name=row["name"],
        variants={variant["item_id"]: _variant(variant) for variant in variants},
    )


def _variant(row: RowMapping) -> inventory.Variant:
    return inventory.Variant(
        item_id=row["item_id"], options=row["options"], available=row["available"], price=row["price"]
    )
