"""What the catalog lets through: only what a policy offers to this team at the root, and what a model may call."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import nexusrpc
import pytest
from held_registry import HeldRegistry

from callboard_contracts import Message, ServiceDescription, UnavailableError, describe, promise
from callboard_contracts.orders import v1 as orders
from callboard_kit import Policy, Rule
from callboard_kit.agent import MOST_FOUND, MOST_OFFERED, MOST_OPENED, ListedTool
from callboard_orchestrator import catalog as catalogs
from callboard_orchestrator.catalog import Catalog, Offering
from callboard_registry_api.discovery import DescribedOperation


class Note(Message):
    """A note."""

    text: str


def _operation(**changes: object) -> "nexusrpc.Operation[Note, Note]":
    options = {"kind": "task", "effect": "write", **changes}
    return promise(latency=timedelta(seconds=1), longest=timedelta(seconds=10), **options)  # pyright: ignore[reportArgumentType] - varied by tests


@nexusrpc.service(name="desk.v1")
class Desk:
    """A desk."""

    read: nexusrpc.Operation[Note, Note] = _operation(kind="query", effect="read")
    write: nexusrpc.Operation[Note, Note] = _operation()
    burn: nexusrpc.Operation[Note, Note] = _operation(effect="irreversible", model_callable=False)


DESK = describe(Desk)


def rule(**changes: object) -> Rule:
    return Rule.model_validate({"name": "rule", "callers": ["orchestrator"], "services": ["desk.v1"], **changes})


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Catalog]:
    def make(registry: HeldRegistry, *, profile: str = "production", cache: str = "catalog.json") -> Catalog:
        return Catalog(connect=lambda: registry, cache=tmp_path / cache, team="orchestrator", profile=profile)

    return make


def operations(offering: Offering) -> list[str]:
    return [tool.operation for tool in offering.tools]


@pytest.mark.parametrize(
    ("rules", "offered"),
    [
        pytest.param([], [], id="nothing is offered by default"),
        pytest.param([rule()], ["read", "write"], id="all that a rule names and a model may call"),
        pytest.param([rule(operations=["read"])], ["read"], id="only the operations that a rule names"),
        pytest.param([rule(callers=["support"])], [], id="not what is offered to others"),
        pytest.param([rule(callers=["*"])], ["read", "write"], id="what is offered to everyone"),
        pytest.param([rule(services=["desk.v2"])], [], id="not what another version is allowed"),
        pytest.param([rule(operations=["burn"])], [], id="nothing that a model may not call"),
        pytest.param(
            [rule(on_behalf_of=["support"])],
            ["read", "write"],
            id="who stands before a caller does not matter at the root",
        ),
    ],
)
async def test_an_operation_is_offered_as_its_providers_policy_says(made, rules, offered):
    registry = HeldRegistry([DESK], {"billing": Policy(), "desk": Policy(rules=tuple(rules))})

    offering = await made(registry).offered_operations()

    assert (operations(offering), offering.count) == (offered, len(offered))


async def test_a_policy_counts_for_its_own_teams_services_only(made):
    registry = HeldRegistry([DESK], {"billing": Policy(rules=(rule(),))})

    assert (await made(registry).offered_operations()).count == 0


@pytest.mark.parametrize(
    ("state", "profile", "count"),
    [
        ("approved", "production", 2),
        ("deprecated", "production", 2),
        ("draft", "production", 0),
        ("draft", "dev", 2),
        ("draft", "strict", 2),
        ("retired", "dev", 0),
        ("revoked", "dev", 0),
    ],
)
async def test_a_draft_is_offered_only_where_workers_publish_for_themselves(made, state, profile, count):
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))}, state=state)

    assert (await made(registry, profile=profile).offered_operations()).count == count


async def test_an_operation_that_cannot_be_read_does_not_take_the_others_away(made, monkeypatch):
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})
    told = registry.describe

    async def describe(*names: object, **how: object) -> list[DescribedOperation]:
        first, *others = await told(*names, **how)
        return [replace(first, document=b"{}"), *others]

    monkeypatch.setattr(registry, "describe", describe)

    assert operations(await made(registry).offered_operations()) == ["write"]


async def test_a_tool_is_what_the_contract_says(made):
    registry = HeldRegistry([describe(orders.Orders)], {"orders": Policy(rules=(rule(services=["orders.v1"]),))})

    offering = await made(registry).offered_operations()
    [tool] = [tool for tool in offering.tools if tool.operation == "cancel_pending_order"]

    assert offering.services == ("orders.v1",)
    assert (tool.endpoint, tool.spec.name) == ("orders", "orders_v1__cancel_pending_order")
    assert tool.parameters["required"] == ["order_id", "reason"]


def many(count: int, *, words: str = "") -> ServiceDescription:
    [read, *_] = DESK.operations
    made = [read.model_copy(update={"name": f"read_{index}", "description": words}) for index in range(count - 1)]
    made.append(read.model_copy(update={"name": "polish_shoes", "summary": "Make shoes shine."}))
    return DESK.model_copy(update={"operations": tuple(made)})


async def test_forty_operations_are_given_at_once_and_one_more_means_searching(made):
    policies = {"desk": Policy(rules=(rule(),))}

    few = await made(HeldRegistry([many(MOST_OFFERED)], policies), cache="few").offered_operations()
    catalog = made(HeldRegistry([many(MOST_OFFERED + 1)], policies), cache="more")
    more = await catalog.offered_operations()
    found = await catalog.find_operations("shine my shoes")

    assert (few.count, len(few.tools)) == (MOST_OFFERED, MOST_OFFERED)
    assert (more.count, more.services, more.service_count, more.tools) == (MOST_OFFERED + 1, ("desk.v1",), 1, ())
    assert [tool.operation for tool in found.opened] == ["polish_shoes"]
    assert found.listed == (
        ListedTool(
            name="desk_v1__polish_shoes", service="desk.v1", operation="polish_shoes", description="Make shoes shine."
        ),
    )


async def test_only_the_schemas_of_the_best_are_asked_for_and_of_others_on_demand(made):
    registry = HeldRegistry([many(MOST_OFFERED + 1, words="shoes")], {"desk": Policy(rules=(rule(),))})
    catalog = made(registry)

    found = await catalog.find_operations("shoes")
    asked = [*registry.described]
    opened = await catalog.open_operations(found.listed[-2:])

    assert (len(found.listed), len(found.opened)) == (MOST_FOUND, MOST_OPENED)
    assert asked == [one.operation for one in found.listed[:MOST_OPENED]]
    assert [tool.operation for tool in opened] == [one.operation for one in found.listed[-2:]]
    assert registry.described == [*asked, *(tool.operation for tool in opened)]


async def test_what_was_found_and_is_not_offered_any_more_cannot_be_opened(made):
    registry = HeldRegistry([many(MOST_OFFERED + 1)], {"desk": Policy(rules=(rule(),))})
    catalog = made(registry)
    found = await catalog.find_operations("shine my shoes")
    registry.policies.clear()

    assert await catalog.open_operations(found.listed) == ()


async def test_a_few_operations_that_weigh_too_much_for_a_history_are_searched_too(made):
    heavy = many(20, words="shoe " * 60_000)
    catalog = made(HeldRegistry([heavy], {"desk": Policy(rules=(rule(),))}))

    offering = await catalog.offered_operations()
    found = await catalog.find_operations("read shoe")

    assert (offering.count, offering.tools) == (20, ())
    assert 0 < len(found.opened) < MOST_OPENED


async def test_the_registry_is_asked_again_only_when_the_answer_is_old(made, monkeypatch):
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})
    young, old = made(registry), made(registry)

    await young.offered_operations()
    monkeypatch.setattr(catalogs, "LONGEST_AGE", timedelta(0))
    await old.offered_operations()
    asked = registry.asked
    registry.policies.clear()

    assert (await young.offered_operations()).count == 2
    assert registry.asked == asked
    assert (await old.offered_operations()).count == 0


async def test_schemas_are_read_again_only_when_something_has_changed(made, monkeypatch):
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})
    monkeypatch.setattr(catalogs, "LONGEST_AGE", timedelta(0))
    catalog = made(registry)

    first = await catalog.offered_operations()
    second = await catalog.offered_operations()

    assert (first == second, registry.described) == (True, ["read", "write"])


async def test_a_registry_that_is_down_leaves_the_last_answer_in_force_over_a_restart_too(made, monkeypatch):
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})
    monkeypatch.setattr(catalogs, "LONGEST_AGE", timedelta(0))
    catalog = made(registry)
    known = await catalog.offered_operations()

    registry.down = True
    later = await catalog.offered_operations()
    restarted = await made(registry).offered_operations()

    assert known == later == restarted
    assert (known.count, registry.missed.is_set()) == (2, True)


async def test_many_operations_are_copied_and_searched_in_the_copy_while_the_registry_is_down(made):
    registry = HeldRegistry([many(3 * MOST_OFFERED)], {"desk": Policy(rules=(rule(),))})
    async with made(registry) as catalog:
        await asyncio.wait_for(copied(catalog), 5)
    registry.down = True
    catalog = made(registry)

    offering = await catalog.offered_operations()
    found = await catalog.find_operations("shine my shoes")
    opened = await catalog.open_operations(found.listed)

    assert (offering.count, offering.service_count, offering.tools) == (3 * MOST_OFFERED, 1, ())
    assert [one.operation for one in found.listed] == ["polish_shoes"]
    assert [tool.operation for tool in found.opened] == ["polish_shoes"] == [tool.operation for tool in opened]


async def copied(catalog: Catalog) -> None:
    assert catalog._copying is not None
    await catalog._copying


async def test_a_registry_that_is_down_is_not_asked_by_everyone(made):
    registry = HeldRegistry([many(MOST_OFFERED + 1)], {"desk": Policy(rules=(rule(),))})
    async with made(registry) as catalog:
        await asyncio.wait_for(copied(catalog), 5)
        registry.down = True
        await catalog.find_operations("shoes")
        asked = registry.asked
        for _ in range(5):
            await catalog.find_operations("shoes")

    assert registry.asked == asked


async def test_a_worker_hears_what_is_offered_before_the_first_run_asks(made):
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})
    async with made(registry) as catalog:
        registry.down = True

        assert (await catalog.offered_operations()).count == 2


async def test_who_publishes_while_the_worker_starts_is_offered_to_the_first_run(made):
    registry, later = HeldRegistry([], {}), HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})
    async with made(registry) as catalog:
        registry.listings, registry.policies = later.listings, later.policies

        assert (await catalog.offered_operations()).count == 2


async def test_a_worker_that_hears_nothing_says_so_when_it_starts(made, caplog):
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})
    registry.down = True
    async with made(registry):
        pass

    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning == (
        "requests in words fail until the registry answers: "
        "nothing is known yet of what the teams offer: the registry does not answer"
    )


async def test_without_any_answer_ever_the_catalog_is_unavailable_and_then_recovers(made):
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})
    registry.down = True
    catalog = made(registry)

    with pytest.raises(UnavailableError, match="nothing is known yet of what the teams offer"):
        await catalog.offered_operations()
    registry.down = False

    assert (await catalog.offered_operations()).count == 2


async def test_a_cache_that_is_damaged_is_ignored(made, tmp_path):
    (tmp_path / "catalog.json").write_text('[{"service": ')
    registry = HeldRegistry([DESK], {"desk": Policy(rules=(rule(),))})

    assert (await made(registry).offered_operations()).count == 2
