"""A memory for tests in one process. A worker of its own refuses it: no other would find anything."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from callboard_contracts import RefusedError, UnavailableError
from callboard_kit.memory.kept import Forgotten, Memory, is_about


class InMemoryMemories:
    """Remembers until the test ends; `away` makes it as unreachable as a Redis that is gone."""

    fault: str | None = (
        "InMemoryMemories remembers in this process alone, where no other worker finds anything; use RedisMemories"
    )

    def __init__(self) -> None:
        self.held: dict[str, Memory] = {}
        """What is remembered, by id."""

        self.audit: list[Forgotten] = []
        self.away = False
        self._gone: set[str] = set()

    async def keep(self, memory: Memory) -> Memory:
        """See `Memories`."""
        self._look()
        if memory.id in self._gone:
            raise RefusedError("it was forgotten meanwhile")
        return self.held.setdefault(memory.id, memory)

    async def read(self, scopes: Iterable[str]) -> tuple[Memory, ...]:
        """See `Memories`."""
        self._look()
        wanted = set(scopes)
        found = [each for each in self.held.values() if each.scope in wanted]
        return tuple(sorted(found, key=lambda each: (each.at, each.id), reverse=True))

    async def forget(self, scope: str, ids: Sequence[str], *, by: str, why: str = "") -> Forgotten:
        """See `Memories`."""
        self._look()
        there = [each for each in ids if each in self.held and self.held[each].scope == scope]
        for each in there:
            del self.held[each]
            self._gone.add(each)
        record = Forgotten(ids=tuple(there), scope=scope, by=by, at=datetime.now(UTC), why=why)
        if there:
            self.audit.append(record)
        return record

    async def forget_person(self, about: str, *, by: str, why: str = "") -> tuple[Forgotten, ...]:
        """See `Memories`."""
        scopes = sorted({each.scope for each in self.held.values() if is_about(each, about)})
        ids = [each.id for each in self.held.values() if is_about(each, about)]
        return tuple([await self.forget(scope, ids, by=by, why=why) for scope in scopes])

    async def scopes(self) -> tuple[str, ...]:
        """See `Memories`."""
        self._look()
        return tuple(sorted({each.scope for each in self.held.values()}))

    async def forgotten(self, *, last: int = 100) -> tuple[Forgotten, ...]:
        """See `Memories`."""
        self._look()
        return tuple(reversed(self.audit[-last:]))

    def _look(self) -> None:
        if self.away:
            raise UnavailableError("the memory is out of reach: the test says so")
