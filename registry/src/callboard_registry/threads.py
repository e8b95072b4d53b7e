"""The threads in which the database is worked, so that the event loop stays free."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_READERS: Final = 4

Result = TypeVar("Result")


class Threads:
    """Several may read, and one writes: writers queue here instead of in SQLite."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="registry-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="registry-write")

    def close(self) -> None:
        """Finish what has begun."""
        self._readers.shutdown()
        self._writer.shutdown()

    async def read(self, work: Callable[[], Result]) -> Result:
        """Do what only reads."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def write(self, work: Callable[[], Result]) -> Result:
        """Do what writes, when it is its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)
