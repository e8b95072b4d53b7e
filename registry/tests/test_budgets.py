"""Budgets of teams: who may set them, and that workers together never get more than there is."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import grpc
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publishing_shop import ADMINISTRATOR, Member, Running

from callboard_kit.identity import digest
from callboard_registry.budgets.keeping import LIFETIME, BudgetBook
from callboard_registry.database import Database
from callboard_registry_api.budgets import DOLLAR, Block, BlockUse, BlockWish, ModelUse
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryNotFoundError, RegistryRefusedError
from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.v1.registry_pb2_grpc import RegistryServiceStub

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = datetime.now(UTC)


@pytest.fixture
def book(any_database):
    database = Database.open(any_database.migrated())
    yield BudgetBook(database)
    database.close()


def set_budget(book: BudgetBook, *, caller="", period="day", tokens=None, cost=None):
    return book.set("orders", caller, period, tokens=tokens, cost=cost, author="orders")


def take(book: BudgetBook, *, caller="", tokens=0, cost=0, now=NOON) -> Block:
    [block] = book.use("orders", "w1", [], [BlockWish(caller=caller, tokens=tokens, cost=cost)], now=now)
    return block


def spend(book: BudgetBook, block: Block, tokens: int, *, closed=False, now=NOON) -> None:
    book.use("orders", "w1", [BlockUse(block=block.block, tokens=tokens, cost=0, closed=closed)], [], now=now)


def test_fifty_workers_that_take_at_the_same_time_never_get_more_than_there_is(book):
    set_budget(book, tokens=10_000, cost=50 * DOLLAR)
    set_budget(book, caller="support", period="month", tokens=3_000)

    def taker(number: int) -> list[Block]:
        caller = "support" if number % 2 else "billing"
        return [take(book, caller=caller, tokens=150, cost=DOLLAR // 2) for _ in range(3)]

    with ThreadPoolExecutor(50) as pool:
        blocks = [block for some in pool.map(taker, range(50)) for block in some]

    given_out = [block for block in blocks if block.block]
    assert sum(block.tokens for block in given_out) <= 10_000
    assert sum(block.cost for block in given_out) <= 50 * DOLLAR
    assert sum(block.tokens for block in given_out if block.caller == "support") <= 3_000
    assert 0 < len(given_out) < len(blocks)
    assert all(block.short_of for block in blocks if not block.block)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("take", "spend", "close", "expire")), st.integers(0, 900), st.integers(0, 9)),
        max_size=30,
    )
)
def test_what_is_spent_and_held_never_exceeds_the_budget_whatever_workers_do(sqlite_databases, doings):
    database = Database.open(sqlite_databases.migrated())
    book, now = BudgetBook(database), datetime.now(UTC)
    set_budget(book, tokens=5_000)
    blocks: list[tuple[Block, int]] = []
    truly_spent = 0
    for what, amount, which in doings:
        if what == "take":
            block = take(book, tokens=amount, now=now)
            if block.block:
                blocks.append((block, 0))
        elif blocks:
            block, used = blocks.pop(which % len(blocks))
            more = min(amount, block.tokens - used)
            if what == "spend":
                blocks.append((block, used + more))
            truly_spent += more if what != "expire" else 0
            spend(book, block, used + (more if what != "expire" else 0), closed=what != "spend", now=now)

        [held] = book.all()
        assert held.spent_tokens == truly_spent
        assert held.spent_tokens + held.held_tokens <= 5_000
    database.close()


def test_without_a_budget_nobody_needs_a_block(book):
    assert take(book) == Block(caller="", limited=False)


def test_a_block_is_a_part_of_the_tightest_budget_or_what_is_needed_at_once(book):
    set_budget(book, tokens=100_000)
    set_budget(book, caller="support", period="month", tokens=40_000)

    assert [take(book).tokens, take(book, caller="support").tokens] == [5_000, 2_000]
    assert take(book, caller="support", tokens=9_000).tokens == 9_000


def test_what_is_given_back_is_there_for_the_next(book):
    set_budget(book, tokens=1_000)
    first = take(book, tokens=1_000)
    assert take(book, tokens=100).short_of == "the budget of team 'orders' by day has 0 of 1,000 tokens left"

    spend(book, first, 300, closed=True)

    assert take(book, tokens=700).tokens == 700


def test_a_block_that_nobody_gave_back_is_free_again_when_its_time_is_over(book):
    set_budget(book, tokens=1_000)
    lost = take(book, tokens=1_000)
    spend(book, lost, 400)

    later = NOON + LIFETIME + timedelta(seconds=1)

    assert take(book, tokens=1_000, now=later).short_of
    assert take(book, tokens=600, now=later).tokens == 600


def test_what_is_told_late_or_twice_or_in_the_wrong_order_counts_once(book):
    set_budget(book, tokens=1_000)
    block = take(book, tokens=1_000)

    for used in (100, 300, 300, 200):
        spend(book, block, used, now=NOON + LIFETIME * 2)

    day = take(book, tokens=701, now=NOON + LIFETIME * 2)
    assert "has 700 of 1,000 tokens left" in day.short_of


def test_a_new_day_has_a_budget_of_its_own_and_the_month_goes_on(book):
    set_budget(book, tokens=1_000)
    set_budget(book, period="month", tokens=1_500)
    block = take(book, tokens=1_000)
    assert block.lasts <= LIFETIME.total_seconds()
    spend(book, block, 1_000, closed=True)

    tomorrow = NOON + timedelta(days=1)

    assert take(book, tokens=1, now=NOON).short_of.startswith("the budget of team 'orders' by day")
    assert take(book, tokens=501, now=tomorrow).short_of == (
        "the budget of team 'orders' by month has 500 of 1,500 tokens left"
    )
    assert take(book, tokens=500, now=tomorrow).tokens == 500


def test_no_block_lasts_beyond_its_day(book):
    set_budget(book, tokens=1_000)

    assert take(book, now=NOON.replace(hour=23, minute=59)).lasts == 60


def test_nobody_spends_another_team_s_block(book):
    set_budget(book, tokens=1_000)
    block = take(book, tokens=1_000)

    book.use("billing", "w1", [BlockUse(block=block.block, tokens=500, cost=0, closed=True)], [], now=NOON)

    assert take(book, tokens=1).short_of


async def test_the_administrator_and_the_team_itself_set_budgets_and_nobody_else(running: Running):
    orders, billing = await running.enrol("orders"), await running.enrol("billing")
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as client:
        await client.budgets.set("orders", period="month", cost=5 * DOLLAR)
    async with RegistryClient(str(running.grpc), sign=orders.sign) as client:
        await client.budgets.set("orders", caller="billing", period="day", tokens=1_000)
        found = await client.budgets.list("orders")
    async with RegistryClient(str(running.grpc), sign=billing.sign) as client:
        with pytest.raises(RegistryRefusedError, match="'billing' signed it"):
            await client.budgets.set("orders", period="day", tokens=10**9)
    async with RegistryClient(str(running.grpc), administrator_token="guess") as client:
        with pytest.raises(RegistryRefusedError, match="administrator's token"):
            await client.budgets.set("orders", period="day", tokens=10**9)

    assert [(each.caller, each.period, each.tokens, each.cost, each.author) for each in found] == [
        ("", "month", None, 5 * DOLLAR, "administrator"),
        ("billing", "day", 1_000, None, "orders"),
    ]


async def test_a_budget_is_taken_away_once(running: Running):
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as client:
        await client.budgets.set("orders", period="day", tokens=1)
        await client.budgets.remove("orders", period="day")

        assert await client.budgets.list() == ()
        with pytest.raises(RegistryNotFoundError):
            await client.budgets.remove("orders", period="day")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"team": "Or ders", "period": "day", "tokens": 1}, "is no team"),
        ({"team": "orders", "caller": "x\x00", "period": "day", "tokens": 1}, "is no team"),
        ({"team": "orders", "period": "week", "tokens": 1}, "is no period"),
        ({"team": "orders", "period": "day"}, "how many tokens, how much money, or both"),
        ({"team": "orders", "period": "day", "tokens": -1}, "from 0 to"),
    ],
)
async def test_a_budget_that_makes_no_sense_is_refused_with_what_to_change(running: Running, told, words):
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as client:
        with pytest.raises(RegistryRefusedError, match=words):
            await client.budgets.set(told["team"], **{name: told[name] for name in told if name != "team"})


def use(key: str, *, caller="support", operation="assist", model="m", tokens=10, cost: int | None = 5) -> ModelUse:
    return ModelUse(
        key=key,
        root="r",
        caller=caller,
        operation=operation,
        model=model,
        at=TODAY,
        input_tokens=tokens,
        output_tokens=1,
        cost=cost,
    )


async def test_spending_is_told_apart_by_who_spent_it_for_whom_on_what_and_when(running: Running):
    orders = await running.enrol("orders")
    async with RegistryClient(str(running.grpc), sign=orders.sign) as client:
        uses = [use("1"), use("2", caller="orders", operation="Nightly", model="n", cost=None), use("3", model="n")]
        assert await client.budgets.report([*uses, uses[0]]) == 3
        assert await client.budgets.report(uses) == 0
        by_caller = await client.budgets.spending(("caller",))
        by_model = await client.budgets.spending(("model",))
    async with httpx2.AsyncClient(base_url=f"http://{running.http}", timeout=60) as http:
        shown = (await http.get("/v1/spend", params={"by": ["team", "day"]})).json()["spending"]
        unknown = await http.get("/v1/spend", params={"by": "moon"})

    assert [(row.caller, row.model_calls, row.input_tokens, row.cost, row.cost_usd) for row in by_caller] == [
        ("support", 2, 20, 10, 10 / DOLLAR),
        ("orders", 1, 10, 0, None),
    ]
    assert [(row.model, row.model_calls, row.unpriced) for row in by_model] == [("n", 2, 1), ("m", 1, 0)]
    assert [(row["team"], row["day"], row["model_calls"]) for row in shown] == [("orders", f"{TODAY:%Y-%m-%d}", 3)]
    assert unknown.status_code in (400, 422)


async def test_many_workers_over_the_wire_never_get_more_than_there_is(running: Running):
    orders = await running.enrol("orders")
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as client:
        await client.budgets.set("orders", period="day", tokens=1_000)
    async with RegistryClient(str(running.grpc), sign=orders.sign) as client:
        wish = BlockWish(caller="support", tokens=90)
        taken = await asyncio.gather(*(client.budgets.use(f"w{number}", wishes=[wish]) for number in range(20)))

    assert sum(block.tokens for [block] in taken) <= 1_000
    assert sum(bool(block.block) for [block] in taken) == 11


def overhearing(running: Running, team: Member, heard: dict[str, str]) -> RegistryClient:
    """Return a client of a team that signed a while ago, and is overheard."""

    def sign(method: str, digest: str) -> str:
        return heard.setdefault(digest, team.token(mth=method, dig=digest, iat=int(time.time()) - 10))

    return running.client(sign=sign, administrator_token=None)


async def test_a_change_that_was_overheard_does_not_bring_an_old_budget_back(running: Running):
    orders, heard = await running.enrol("orders"), {}
    async with overhearing(running, orders, heard) as client:
        await client.budgets.set("orders", period="day", tokens=10**9)
        await client.budgets.set("orders", period="day", tokens=10**9)  # Whoever is in doubt may say the same again.
    async with RegistryClient(str(running.grpc), sign=orders.sign) as client:
        await client.budgets.set("orders", period="day", tokens=1_000)

    async with running.client(sign=lambda method, digest: heard[digest], administrator_token=None) as thief:
        with pytest.raises(RegistryRefusedError, match="token is not newer than the last change of this budget"):
            await thief.budgets.set("orders", period="day", tokens=10**9)
    async with running.client() as administrator:
        [held] = await administrator.budgets.list("orders")

    assert held.tokens == 1_000


async def test_a_budget_that_was_taken_away_is_not_brought_back_by_whoever_overheard_it(running: Running):
    orders, heard = await running.enrol("orders"), {}
    async with overhearing(running, orders, heard) as client:
        await client.budgets.set("orders", period="day", tokens=10**9)
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as client:
        await client.budgets.remove("orders", period="day")

    async with running.client(sign=lambda method, digest: heard[digest], administrator_token=None) as thief:
        with pytest.raises(RegistryRefusedError, match="sign the change again"):
            await thief.budgets.set("orders", period="day", tokens=10**9)

    async with running.client() as administrator:
        assert await administrator.budgets.list("orders") == ()


async def test_a_budget_that_was_set_anew_is_not_taken_away_by_whoever_overheard_that(running: Running):
    orders, heard = await running.enrol("orders"), {}
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as administrator:
        await administrator.budgets.set("orders", period="day", tokens=5)
        async with overhearing(running, orders, heard) as client:
            with pytest.raises(RegistryRefusedError, match="not newer"):
                await client.budgets.remove("orders", period="day")

        [held] = await administrator.budgets.list("orders")

    assert held.tokens == 5


async def test_changes_of_other_budgets_of_the_team_do_not_count(running: Running):
    orders = await running.enrol("orders")
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as client:
        await client.budgets.set("orders", period="month", tokens=1)
        await client.budgets.set("orders", caller="support", period="day", tokens=1)
    async with overhearing(running, orders, {}) as client:
        budget = await client.budgets.set("orders", period="day", tokens=7)

    assert budget.tokens == 7


async def test_a_request_for_blocks_that_is_overheard_takes_nothing_when_it_comes_again(running: Running):
    orders = await running.enrol("orders")
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as client:
        await client.budgets.set("orders", period="day", tokens=1_000)
    asked = pb.BudgetUse(worker="w", wishes=[pb.BlockWish(caller="support", tokens=400)], request="r-1")
    signed = asked.SerializeToString()
    token = orders.sign("UseBudgets", digest(signed))

    async with grpc.aio.insecure_channel(str(running.grpc)) as channel:
        stub = RegistryServiceStub(channel)
        request, metadata = pb.UseBudgetsRequest(signed=signed), [("authorization", f"Bearer {token}")]
        answers = [await stub.UseBudgets(request, metadata=metadata) for _ in range(3)]
        [held] = (await stub.ListBudgets(pb.ListBudgetsRequest(team="orders"))).budgets

    assert len({answer.blocks[0].block for answer in answers}) == 1
    assert [answer.blocks[0].tokens for answer in answers] == [400] * 3
    assert held.held_tokens == 400


async def test_each_request_of_a_worker_gets_blocks_of_its_own(running: Running):
    orders = await running.enrol("orders")
    async with RegistryClient(str(running.grpc), administrator_token=ADMINISTRATOR) as client:
        await client.budgets.set("orders", period="day", tokens=1_000)
    async with RegistryClient(str(running.grpc), sign=orders.sign) as client:
        wish = BlockWish(caller="support", tokens=400)
        [first], [second] = [await client.budgets.use("w", wishes=[wish]) for _ in range(2)]

    assert first.block != second.block
