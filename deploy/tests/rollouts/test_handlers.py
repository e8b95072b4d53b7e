from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callboard.failures import CommandError
from callboard.rollouts.handlers import differences, served_by
from callboard_contracts import ServiceDescription, describe
from callboard_contracts.orders import v1 as orders
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryNotFoundError
from callboard_registry_api.health import ServedRevision, Worker

NOW = datetime(2026, 11, 22, tzinfo=UTC)
OLD = describe(orders.Orders)
SHORT = OLD.model_copy(update={"operations": OLD.operations[1:], "digest": "sha256:short"})


class Held:
    """The revisions that a registry holds."""

    def __init__(self, *revisions: ServiceDescription) -> None:
        self._revisions = {each.digest: each for each in revisions}

    async def get_listing(self, service: str, *, digest: str) -> Any:
        if digest not in self._revisions:
            raise RegistryNotFoundError(field="digest", message="not held")
        return SimpleNamespace(document=self._revisions[digest].model_dump_json().encode())


def registry(*revisions: ServiceDescription) -> RegistryClient:
    return cast(RegistryClient, Held(*revisions))


def worker(build: str, **more: Any) -> Worker:
    facts: dict[str, Any] = {"state": "alive", "task_queue": "orders", "serves": (ServedRevision("orders.v1", "a"),)}
    return Worker(
        team="orders",
        worker=build,
        namespace="orders",
        identity="1@here",
        build=build,
        kit_version="",
        sdk_version="",
        started=NOW,
        seen=NOW,
        every=timedelta(seconds=10),
        **(facts | more),
    )


def test_what_a_build_serves_is_what_its_living_workers_on_the_team_s_queue_say():
    workers = [
        worker("new", state="lost", serves=()),
        worker("new", task_queue="orders-canary", serves=()),
        worker("new"),
    ]

    assert served_by(workers, "new", task_queue="orders") == {"orders.v1": "a"}
    with pytest.raises(CommandError, match="no worker of build 'old' is there"):
        served_by(workers, "old", task_queue="orders")


async def test_builds_that_serve_the_same_do_not_differ():
    assert await differences(registry(), {"orders.v1": "a"}, {"orders.v1": "a"}) == []


async def test_an_operation_that_one_build_lacks_is_named():
    name = OLD.operations[0].name
    both = registry(OLD, SHORT)

    assert await differences(both, {"orders.v1": OLD.digest}, {"orders.v1": SHORT.digest}) == [
        f"orders.v1 {name} is served by the old build only"
    ]
    assert await differences(both, {"orders.v1": SHORT.digest}, {"orders.v1": OLD.digest}) == [
        f"orders.v1 {name} is served by the new build only"
    ]


async def test_a_service_that_one_build_lacks_is_named():
    assert await differences(registry(), {"a.v1": "1"}, {"b.v1": "1"}) == [
        "a.v1 is served by the old build only",
        "b.v1 is served by the new build only",
    ]


async def test_revisions_that_the_registry_lost_differ_all_the_same():
    assert await differences(registry(), {"orders.v1": "1"}, {"orders.v1": "2"}) == ["orders.v1 is another revision"]
