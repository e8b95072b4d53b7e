"""A history of conversations for tests in one process. A worker of its own refuses it: no other would find anything."""

from collections.abc import Sequence

from callboard_contracts import UnavailableError
from callboard_kit.conversations.kept import Exchange


class InMemoryHistory:
    """Keeps what was said until the test ends; `away` makes it as unreachable as a Redis that is gone."""

    fault: str | None = (
        "InMemoryHistory keeps conversations in this process alone, where no other worker finds them; use RedisHistory"
    )

    def __init__(self) -> None:
        self.kept: dict[str, dict[int, Exchange]] = {}
        """What is kept, by conversation and number."""

        self.away = False

    async def keep(self, conversation: str, exchanges: Sequence[Exchange]) -> None:
        """See `History`."""
        self._look()
        self.kept.setdefault(conversation, {}).update({each.number: each for each in exchanges})

    async def read(
        self, conversation: str, *, after: int = 0, upto: int | None = None, last: int = 500
    ) -> tuple[Exchange, ...]:
        """See `History`."""
        self._look()
        found = self.kept.get(conversation, {})
        numbers = [each for each in sorted(found) if each > after and (upto is None or each <= upto)]
        return tuple(found[number] for number in numbers[-last:]) if last else ()

    async def forget(self, conversation: str) -> None:
        """See `History`."""
        self._look()
        self.kept.pop(conversation, None)

    def _look(self) -> None:
        if self.away:
            raise UnavailableError("the history of conversations is out of reach: the test says so")
