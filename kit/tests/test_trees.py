"""A tree of calls keeps its id, its person and its depth through whatever its workflows do."""

import uuid
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from market import Market
from parts import Gift, Shop, Wish
from temporalio import activity, workflow
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy
from temporalio.worker import Worker

from callboard_contracts import Message, RefusedError
from callboard_kit import mesh
from callboard_kit.limits import Limits
from callboard_kit.testing import LocalMesh
from callboard_kit.tokens import Origin

SOON = timedelta(seconds=30)


class Sight(Message):
    """Where in a tree some code found itself."""

    place: str
    root: str
    person: str | None
    depth: int
    caller: str
    answers: bool


def sight(place: str) -> Sight:
    call = mesh.current()
    return Sight(
        place=place,
        root=call.root,
        person=call.person,
        depth=call.depth,
        caller=call.caller,
        answers=call.address is not None,
    )


def sight_of(place: str, gift: Gift) -> Sight:
    return Sight(place=place, root=gift.root, person=gift.person, depth=gift.depth, caller=gift.caller, answers=True)


@activity.defn
def in_a_thread() -> Sight:
    return sight("sync activity")


@activity.defn
async def in_a_task() -> Sight:
    return sight("activity")


class Messenger:
    """Calls the shop from an activity, outside of any workflow."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.token_ids: list[str] = []

    @activity.defn
    async def fetch(self) -> Sight:
        shop = self._client.create_nexus_client(service=Shop, endpoint="shop")
        gift = await shop.execute_operation(Shop.look, Wish(text="tea"), id=uuid.uuid4().hex)
        other = await shop.execute_operation(Shop.look, Wish(text="cake"), id=uuid.uuid4().hex)
        same = await shop.execute_operation(Shop.look, Wish(text="tea"), id=uuid.uuid4().hex)
        self.token_ids += [gift.token_id, other.token_id, same.token_id]
        if activity.info().attempt == 1:
            raise ConnectionError("and now it stumbles")
        return sight_of("standalone call of an activity", gift)

    @activity.defn
    async def start(self) -> Sight:
        seen = await self._client.execute_workflow(
            Child.run, "workflow started by an activity", id=f"started-{uuid.uuid4().hex[:8]}", task_queue="buyer-trees"
        )
        return seen[0]


@workflow.defn
class Child:
    @workflow.run
    async def run(self, place: str) -> list[Sight]:
        shop = workflow.create_nexus_client(service=Shop, endpoint="shop")
        gift = await shop.execute_operation(Shop.look, Wish(text="tea"))
        return [sight(place), sight_of(f"call of {place}", gift)]


@workflow.defn
class Fetch:
    """Has an activity call the shop, which stumbles once."""

    @workflow.run
    async def run(self) -> Sight:
        return await workflow.execute_activity_method(
            Messenger.fetch,
            start_to_close_timeout=SOON,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
        )


@workflow.defn
class Journey:
    """Looks around everywhere a workflow can get to."""

    def __init__(self) -> None:
        self._signalled: Sight | None = None
        self._seen: list[Sight] = []

    @workflow.run
    async def run(self, seen: list[Sight]) -> list[Sight]:
        self._seen = seen
        if not seen:
            self._seen.append(sight("workflow"))
            workflow.continue_as_new(self._seen)
        await workflow.wait_condition(lambda: self._signalled is not None)
        assert self._signalled is not None
        shop = workflow.create_nexus_client(service=Shop, endpoint="shop")
        self._seen += [
            sight("next run"),
            self._signalled,
            *await workflow.execute_child_workflow(Child.run, "child"),
            await workflow.execute_activity(in_a_thread, start_to_close_timeout=SOON),
            await workflow.execute_activity(in_a_task, start_to_close_timeout=SOON),
            await workflow.execute_local_activity(in_a_task, start_to_close_timeout=SOON),
            await workflow.execute_child_workflow(Fetch.run),
            await workflow.execute_activity_method(Messenger.start, start_to_close_timeout=SOON),
            sight_of("call", await shop.execute_operation(Shop.buy, Wish(text="tea"))),
        ]
        return self._seen

    @workflow.signal
    def look(self) -> None:
        self._signalled = sight("signal")

    @workflow.query
    def here(self) -> Sight:
        return sight("query")

    @workflow.update
    async def there(self) -> Sight:
        return sight("update")


@workflow.defn
class OnItsOwn:
    """Makes one call for its caller, and one on its own behalf."""

    @workflow.run
    async def run(self) -> list[Sight]:
        shop = workflow.create_nexus_client(service=Shop, endpoint="shop")
        with mesh.tightened(Limits(fan_out=1000, depth=1, cost_usd=0.5)):
            before = mesh.current().limits
            given = await shop.execute_operation(Shop.look, Wish(text="tea"))
        assert (before.depth, before.cost_usd) == (1, 0.5)
        assert mesh.current().limits == Limits()
        with mesh.on_own_behalf():
            own = await shop.execute_operation(Shop.look, Wish(text="tea"))
        return [sight_of("given", given), sight_of("own", own)]


WORKFLOWS = (Journey, Child, Fetch, OnItsOwn)


@pytest.fixture(scope="module")
async def traveller(market: Market, local_mesh: LocalMesh) -> AsyncGenerator[tuple[Client, Messenger]]:
    """A worker of the buyer's on a task queue of its own."""
    client = await local_mesh.client("buyer", contracts=[Shop])
    messenger = Messenger(client)
    worker = Worker(
        client,
        task_queue="buyer-trees",
        workflows=WORKFLOWS,
        activities=[in_a_thread, in_a_task, messenger.fetch, messenger.start],
        activity_executor=ThreadPoolExecutor(2),
    )
    async with worker:
        yield client, messenger


async def test_everywhere_in_a_tree_it_is_the_same_tree(traveller: tuple[Client, Messenger]) -> None:
    client, _ = traveller
    with mesh.starting(Origin(root="tree-7", person="mia")):
        handle = await client.start_workflow(
            Journey.run, args=[[]], id=f"journey-{uuid.uuid4().hex[:8]}", task_queue="buyer-trees"
        )
    queried = await handle.query(Journey.here)
    updated = await handle.execute_update(Journey.there)
    await handle.signal(Journey.look)

    seen = [*await handle.result(), queried, updated]

    assert {(each.root, each.person) for each in seen} == {("tree-7", "mia")}
    assert [(each.place, each.depth, each.caller) for each in seen] == [
        ("workflow", 0, ""),
        ("next run", 0, ""),
        ("signal", 0, ""),
        ("child", 0, ""),
        ("call of child", 1, "buyer"),
        ("sync activity", 0, ""),
        ("activity", 0, ""),
        ("activity", 0, ""),
        ("standalone call of an activity", 1, "buyer"),
        ("workflow started by an activity", 0, ""),
        ("call", 1, "buyer"),
        ("query", 0, ""),
        ("update", 0, ""),
    ]


async def test_an_activity_that_is_tried_again_makes_the_same_calls_again(
    traveller: tuple[Client, Messenger],
) -> None:
    client, messenger = traveller
    messenger.token_ids.clear()

    await client.execute_workflow(Fetch.run, id=f"fetch-{uuid.uuid4().hex[:8]}", task_queue="buyer-trees")

    first, second = messenger.token_ids[:3], messenger.token_ids[3:]
    assert first == second
    assert len(set(first)) == 3


async def test_a_call_on_ones_own_behalf_is_the_root_of_the_same_tree(traveller: tuple[Client, Messenger]) -> None:
    client, _ = traveller
    with mesh.starting(Origin(root="tree-8", person="mia")):
        given, own = await client.execute_workflow(
            OnItsOwn.run, id=f"own-{uuid.uuid4().hex[:8]}", task_queue="buyer-trees"
        )

    assert (given.root, given.person, given.depth) == ("tree-8", "mia", 1)
    assert (own.root, own.person, own.depth) == ("tree-8", "mia", 1)


async def test_a_workflow_that_is_started_with_an_update_belongs_to_the_tree_as_well(
    traveller: tuple[Client, Messenger],
) -> None:
    client, _ = traveller
    with mesh.starting(Origin(root="tree-10", person="mia")):
        start = WithStartWorkflowOperation(
            Journey.run,
            args=[[]],
            id=f"journey-{uuid.uuid4().hex[:8]}",
            task_queue="buyer-trees",
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        seen = await client.execute_update_with_start_workflow(Journey.there, start_workflow_operation=start)

    assert (seen.root, seen.person) == ("tree-10", "mia")
    await (await start.workflow_handle()).terminate()


async def test_a_tree_that_nobody_named_has_an_id_of_its_own(market: Market) -> None:
    one, two = await market.ask("buyer", "look"), await market.ask("buyer", "look")

    assert one.gift is not None and two.gift is not None
    assert one.gift.root != two.gift.root


async def test_a_client_outside_of_workflows_gets_all_of_the_same(market: Market) -> None:
    shop = market.clients["buyer"].create_nexus_client(service=Shop, endpoint="shop")
    with mesh.starting(Origin(root="tree-9", person="mia")):
        looked = await shop.execute_operation(Shop.look, Wish(text="tea"), id=uuid.uuid4().hex)
        bought = await shop.execute_operation(Shop.buy, Wish(text="tea"), id=uuid.uuid4().hex)
        with pytest.raises(RefusedError, match="no tea today"):
            await shop.execute_operation(Shop.refuse, Wish(text="tea"), id=uuid.uuid4().hex)

    for gift in (looked, bought):
        assert (gift.root, gift.person, gift.depth, gift.caller) == ("tree-9", "mia", 1, "buyer")
    assert looked.token_id != bought.token_id


async def test_a_client_outside_of_workflows_is_refused_in_the_same_words(market: Market) -> None:
    async def refused(team: str, endpoint: str, wish: object, operation: object = Shop.look) -> str:
        shop = market.clients[team].create_nexus_client(service=Shop, endpoint=endpoint)
        with pytest.raises(RefusedError) as error:
            await shop.execute_operation(operation, wish, id=uuid.uuid4().hex)
        return str(error.value)

    assert (await refused("buyer", "nowhere", Wish(text="tea"))).startswith("no Nexus endpoint 'nowhere' exists")
    assert await refused("thief", "shop", Wish(text="tea")) == (
        "no rule of the provider's policy lets 'thief' call shop.v1 look"
    )
    assert (await refused("buyer", "shop", {"text": 7})).startswith("shop.v1 look cannot take this: input.text: ")
    assert (await refused("buyer", "shop", Wish(text="x" * 2_200_000))).endswith("pass a reference instead")


async def test_a_client_outside_of_workflows_does_not_see_what_is_hidden(market: Market) -> None:
    shop = market.clients["browser"].create_nexus_client(service=Shop, endpoint="shop")

    gift = await shop.execute_operation(Shop.buy, Wish(text="tea"), id=uuid.uuid4().hex)

    assert (gift.price, gift.text) == (None, "bought tea")
