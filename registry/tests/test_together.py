"""What comes while a transaction is under way shares the next one, and nobody pays for another's fault."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest

from callboard_registry.threads import Threads
from callboard_registry.together import MOST, Together


class Store:
    """Keeps words, in transactions that wait until they are let go on."""

    def __init__(self) -> None:
        self.transactions: list[list[str]] = []
        self.go_on = threading.Event()
        self.begun = threading.Event()
        self.told = 0

    def keep(self, words: Sequence[str]) -> Sequence[str | ValueError]:
        self.begun.set()
        assert self.go_on.wait(10)
        if "broken" in words:
            raise OSError("the disk is full")
        self.transactions.append(list(words))
        return [ValueError(word) if word == "refused" else word.upper() for word in words]

    def tell(self) -> None:
        self.told += 1


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    threads = Threads()
    yield threads
    threads.close()


async def bring(together: Together[str, str, ValueError], store: Store, *words: str) -> list[str | BaseException]:
    """Have the first word written alone, and bring the others while that is under way."""
    first, *others = words
    tasks = [asyncio.create_task(together.write(first))]
    await asyncio.to_thread(store.begun.wait, 10)
    tasks += [asyncio.create_task(together.write(word)) for word in others]
    await asyncio.sleep(0)  # Each task runs up to its wait.
    store.go_on.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_comes_meanwhile_is_written_in_one_transaction(threads: Threads) -> None:
    store = Store()

    answers = await bring(Together(threads, store.keep, after=store.tell), store, "a", "b", "c", "d")

    assert answers == ["A", "B", "C", "D"]
    assert store.transactions == [["a"], ["b", "c", "d"]]
    assert store.told == 2


async def test_a_transaction_has_an_end(threads: Threads) -> None:
    store = Store()
    words = [str(number) for number in range(2 * MOST)]

    assert await bring(Together(threads, store.keep, after=store.tell), store, *words) == words
    assert [len(each) for each in store.transactions] == [1, MOST, MOST - 1]


async def test_one_that_is_refused_is_told_so_and_the_others_are_kept(threads: Threads) -> None:
    store = Store()

    [_, good, bad] = await bring(Together(threads, store.keep, after=store.tell), store, "a", "b", "refused")

    assert good == "B"
    assert isinstance(bad, ValueError)


async def test_one_that_cannot_be_written_costs_the_others_nothing(threads: Threads) -> None:
    store = Store()

    [_, good, bad, late] = await bring(Together(threads, store.keep, after=store.tell), store, "a", "b", "broken", "c")

    assert (good, late) == ("B", "C")
    assert isinstance(bad, OSError)
    assert store.transactions == [["a"], ["b"], ["c"]]


async def test_it_goes_on_when_whoever_brought_something_has_gone(threads: Threads) -> None:
    store = Store()
    together = Together(threads, store.keep, after=store.tell)
    gone = asyncio.create_task(together.write("a"))
    await asyncio.to_thread(store.begun.wait, 10)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    store.go_on.set()

    assert await together.write("b") == "B"
    assert store.transactions == [["a"], ["b"]]
