import pytest

from callboard_contracts import service_named, services
from callboard_contracts.orders.v1 import Orders

EXAMPLES = ["billing.v1", "customers.v1", "inventory.v1", "orders.v1", "support.v1"]


def test_every_contract_is_found_by_its_wire_name() -> None:
    # A checkout may have more teams than the examples.
    assert [name for name in services if name in EXAMPLES] == EXAMPLES
    assert services["orders.v1"] is Orders
    assert service_named("orders.v1") is Orders


@pytest.mark.parametrize(
    "name", ["orders.v9", "nobody.v1", "orders", "orders.v1.extra", "../orders.v1", "promises.v1", ""]
)
def test_a_name_without_a_contract_is_refused_and_the_known_ones_are_named(name: str) -> None:
    assert name not in services
    with pytest.raises(LookupError, match=r"no contract for service .*; there are .*billing\.v1, .*support\.v1"):
        service_named(name)


def test_the_catalog_has_as_many_services_as_it_lists() -> None:
    assert len(services) == len(list(services)) == len(dict(services))
