"""What a worker holds of its team's budgets: taken before it is spent, given back, and never more than that."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from callboard_kit.budgets.blocks import MARGIN, Bill, Tab
from callboard_kit.budgets.sharing import NOTHING, Amount
from callboard_registry_api.budgets import Block, BlockUse, BlockWish, ModelUse
from callboard_registry_api.errors import RegistryUnavailableError

EVERY = timedelta(seconds=10)


class ScriptedRegistry:
    """A registry with one budget of tokens, which remembers what it was told."""

    def __init__(self, tokens: int | None, *, part: int = 100) -> None:
        self.left = tokens
        self.part = part
        self.away = False
        self.told: dict[str, BlockUse] = {}
        self.given: dict[str, int] = {}
        self.reported: list[ModelUse] = []
        self.asked = 0

    async def use(
        self, worker: str, *, uses: Sequence[BlockUse] = (), wishes: Sequence[BlockWish] = ()
    ) -> Sequence[Block]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise RegistryUnavailableError("it is away")
        self.told.update({use.block: use for use in uses})
        return [self._block(wish) for wish in wishes]

    def _block(self, wish: BlockWish) -> Block:
        if self.left is None:
            return Block(caller=wish.caller, limited=False)
        if self.left <= 0 or self.left < wish.tokens:
            return Block(caller=wish.caller, limited=True, short_of=f"{self.left} tokens left")
        tokens = min(max(wish.tokens, self.part), self.left)
        self.left -= tokens
        name = f"b{len(self.given) + 1}"
        self.given[name] = tokens
        return Block(caller=wish.caller, limited=True, block=name, tokens=tokens, cost=10**15, lasts=600)

    async def report(self, uses: Sequence[ModelUse]) -> int:
        if self.away:
            raise RegistryUnavailableError("it is away")
        self.reported.extend(uses)
        return len(uses)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def tab_of(registry: ScriptedRegistry, clock: Clock | None = None, **more: object) -> Tab:
    return Tab(registry, every=EVERY, clock=clock or Clock(), **more)  # type: ignore[arg-type] - passed on


async def paid(tab: Tab, most: int, *, least: int = 1) -> Bill:
    bill = await tab.pay("support", least=Amount(tokens=least), most=Amount(tokens=most))
    assert isinstance(bill, Bill), bill
    return bill


async def test_a_worker_asks_once_and_pays_many_calls_from_what_it_holds():
    registry = ScriptedRegistry(10_000, part=1000)
    tab = tab_of(registry)

    for _ in range(20):
        (await paid(tab, 500)).settle(Amount(tokens=10))

    assert (registry.asked, registry.left) == (1, 9_000)


async def test_calls_at_the_same_time_never_take_more_than_there_is():
    registry = ScriptedRegistry(1_000)
    tab = tab_of(registry)

    bills = await asyncio.gather(
        *(tab.pay("support", least=Amount(tokens=90), most=Amount(tokens=90)) for _ in range(50))
    )

    good = [bill for bill in bills if isinstance(bill, Bill)]
    assert sum(bill.given.tokens for bill in good if bill.given) <= 1_000
    assert {bill for bill in bills if isinstance(bill, str)} == {"0 tokens left"}


async def test_what_cannot_be_had_in_full_is_taken_as_far_as_it_is_of_use():
    tab = tab_of(ScriptedRegistry(300))

    bill = await paid(tab, 30_000, least=200)

    assert bill.given is not None
    assert bill.given.tokens == 200


async def test_a_budget_with_too_little_left_is_named():
    tab = tab_of(ScriptedRegistry(5))

    assert await tab.pay("support", least=Amount(tokens=6), most=Amount(tokens=7)) == "5 tokens left"


async def test_where_there_is_no_budget_nobody_is_asked_twice_until_it_may_have_changed():
    registry, clock = ScriptedRegistry(None), Clock()
    tab = tab_of(registry, clock)

    for _ in range(5):
        assert (await paid(tab, 500)).given is None
    clock.now += EVERY.total_seconds() + 1
    registry.left = 5

    assert await tab.pay("support", least=Amount(tokens=6), most=Amount(tokens=7)) == "5 tokens left"
    assert registry.asked == 3


async def test_without_the_registry_it_goes_on_with_what_it_holds_and_then_refuses():
    registry = ScriptedRegistry(1_000)
    tab = tab_of(registry)
    (await paid(tab, 60)).settle(Amount(tokens=60))
    registry.away = True

    (await paid(tab, 40)).settle(Amount(tokens=40))
    refusal = await tab.pay("support", least=Amount(tokens=1), most=Amount(tokens=1))

    assert isinstance(refusal, str)
    assert "the registry cannot be asked for more" in refusal
    registry.away = False
    assert (await paid(tab, 40)).given


async def test_a_worker_that_starts_without_the_registry_remembers_for_whom_there_was_a_budget(tmp_path):
    memory, registry = tmp_path / "cache" / "orders-budgets.json", ScriptedRegistry(1_000)
    (await paid(tab_of(registry, memory=memory), 10)).settle(NOTHING)
    registry.away = True
    again = tab_of(registry, memory=memory)

    assert isinstance(await again.pay("support", least=Amount(tokens=1), most=Amount(tokens=1)), str)
    assert isinstance(await again.pay("billing", least=Amount(tokens=1), most=Amount(tokens=1)), Bill)


@pytest.mark.parametrize("content", ["", "{", "{}", "3", '["support", 3]'])
async def test_a_memory_that_cannot_be_read_is_none(tmp_path, content):
    (tmp_path / "m.json").write_text(content)

    assert (await paid(tab_of(ScriptedRegistry(None), memory=tmp_path / "m.json"), 1)).given is None


async def test_a_block_is_not_spent_beyond_its_time():
    registry, clock = ScriptedRegistry(1_000), Clock()
    tab = tab_of(registry, clock)
    (await paid(tab, 10)).settle(NOTHING)

    clock.now += 600 - MARGIN
    await paid(tab, 10)

    assert len(registry.given) == 2


async def test_a_new_block_is_taken_before_the_old_one_is_used_up_and_the_old_one_given_back():
    registry = ScriptedRegistry(1_000)
    tab = tab_of(registry)
    (await paid(tab, 80)).settle(Amount(tokens=80))
    running = await paid(tab, 5)

    await tab.refresh()
    assert len(registry.given) == 2
    assert not registry.told["b1"].closed
    running.settle(Amount(tokens=3))
    await tab.refresh()

    assert (registry.told["b1"].tokens, registry.told["b1"].closed) == (83, True)


async def test_a_worker_that_stops_gives_back_what_it_holds_and_reports_what_it_knows():
    registry = ScriptedRegistry(1_000)
    tab = tab_of(registry)
    keeping = asyncio.create_task(tab.keep())
    await asyncio.sleep(0)
    (await paid(tab, 80)).settle(Amount(tokens=20))

    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping

    assert (registry.told["b1"].tokens, registry.told["b1"].closed) == (20, True)
