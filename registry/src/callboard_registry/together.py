"""Group commit: what comes while one transaction is under way shares the next one.

Beginning a transaction, waiting for the turn to write and for the disk cost more than most of what is written in it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from callboard_registry.threads import Threads

MOST: Final = 50
"""Items of one transaction."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Fault = TypeVar("Fault", bound=Exception)


class Together(Generic[Item, Result, Fault]):
    """Has items written by `work`, several in one go.

    `work` keeps all items in one transaction, or raises and keeps none; for each it returns its result, or the
    exception to be raised to whoever brought it. When it raises, each of its items is tried alone, so that one that
    cannot be written costs the others nothing but time. `after` is called once something was kept.
    """

    def __init__(
        self,
        threads: Threads,
        work: Callable[[Sequence[Item]], Sequence[Result | Fault]],
        *,
        after: Callable[[], object],
    ) -> None:
        self._threads = threads
        self._work = work
        self._after = after
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def write(self, item: Item) -> Result:
        """Return what became of `item`, once it is kept."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await future

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                if not await self._write(batch):
                    for each in batch:
                        await self._write([each])
        finally:
            self._writing = None

    async def _write(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> bool:
        """Write a batch and tell whether all have their answer now."""
        items = [item for item, _ in batch]
        answers: Sequence[Result | Exception]
        try:
            answers = await self._threads.write(lambda: self._work(items))
        except Exception as error:  # Whatever it is, it goes to whoever brought what cannot be written.
            if len(batch) > 1:
                return False
            answers = [error]
        else:
            self._after()
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():  # Whoever brought it has gone.
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        return True
