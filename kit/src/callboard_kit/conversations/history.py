"""Where the history of conversations is kept: outside of the workflow, for as long as its team wants.

Results and decisions stand in Temporal; the history is what a later run of the same conversation, and whoever reads
it, look up. Losing it loses the agent's memory of what was long ago, and no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol, cast

from redis.exceptions import RedisError

from callboard_contracts import UnavailableError
from callboard_kit.conversations.kept import Exchange
from callboard_kit.events.writing import open_redis
from callboard_kit.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis.asyncio import Redis

KEPT_FOR: Final = timedelta(days=30)
"""How long a conversation is kept in which nobody says anything any more."""

MOST_EXCHANGES: Final = 500
"""Answers of one conversation that are kept; the oldest go first."""

_NOWHERE: Final = "redis://127.0.0.1:1/0"

MOST_BYTES: Final = 1024 * 1024
"""What they may weigh together; the oldest go first."""


class History(Protocol):
    """Keeps what was said. One for each team."""

    @property
    def fault(self) -> str | None:
        """Why a worker cannot use it, for whom other processes must find what it kept; None when it can."""
        ...

    async def keep(self, conversation: str, exchanges: Sequence[Exchange]) -> None:
        """Keep exchanges; the same number again takes the place of what was there.

        Raises:
            UnavailableError: It is out of reach.
        """
        ...

    async def read(
        self, conversation: str, *, after: int = 0, upto: int | None = None, last: int = MOST_EXCHANGES
    ) -> tuple[Exchange, ...]:
        """Return the last exchanges with a number above `after` and at most `upto`, oldest first, as far as kept.

        Raises:
            UnavailableError: It is out of reach.
        """
        ...

    async def forget(self, conversation: str) -> None:
        """Keep nothing of a conversation any more.

        Raises:
            UnavailableError: It is out of reach.
        """
        ...


@dataclass(frozen=True)
class Bounds:
    """How much of each conversation is kept, and for how long."""

    age: timedelta = KEPT_FOR
    exchanges: int = MOST_EXCHANGES
    size: int = MOST_BYTES


class RedisHistory:
    """Keeps what was said in Redis, in one hash for each conversation: `history:<team>:<conversation>`."""

    def __init__(self, redis: "Redis", team: str, *, bounds: Bounds | None = None, fault: str | None = None) -> None:
        self._redis = redis
        self.fault = fault
        self._team = team
        self._bounds = bounds or Bounds()

    @classmethod
    def of(cls, settings: Settings, team: str, *, bounds: Bounds | None = None) -> "RedisHistory":
        """Return the history of a team where `settings` say that Redis is; with a fault where they do not say."""
        url = settings.redis_for(team)
        fault = f"team {team!r} holds conversations, whose history is kept in Redis: set CALLBOARD_REDIS_URL"
        return cls(open_redis(url or _NOWHERE), team, bounds=bounds, fault=fault if url is None else None)

    async def keep(self, conversation: str, exchanges: Sequence[Exchange]) -> None:
        """See `History`."""
        if not exchanges:
            return
        key = self._key(conversation)
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(key, mapping={str(each.number): each.model_dump_json() for each in exchanges})
                pipe.expire(key, self._bounds.age)
                await pipe.execute()
            if surplus := await self._surplus(key):
                await self._redis.hdel(key, *map(str, surplus))
        except (RedisError, OSError) as error:
            raise UnavailableError(f"the history of conversations is out of reach: {error}") from error

    async def read(
        self, conversation: str, *, after: int = 0, upto: int | None = None, last: int = MOST_EXCHANGES
    ) -> tuple[Exchange, ...]:
        """See `History`."""
        key = self._key(conversation)
        try:
            wanted = [each for each in await self._numbers(key) if each > after and (upto is None or each <= upto)]
            numbers = wanted[-last:] if last else []
            if not numbers:
                return ()
            found = await cast("Awaitable[list[str | None]]", self._redis.hmget(key, [str(each) for each in numbers]))
        except (RedisError, OSError) as error:
            raise UnavailableError(f"the history of conversations is out of reach: {error}") from error
        return tuple(Exchange.model_validate_json(text) for text in found if text is not None)

    async def forget(self, conversation: str) -> None:
        """See `History`."""
        try:
            await self._redis.unlink(self._key(conversation))
        except (RedisError, OSError) as error:
            raise UnavailableError(f"the history of conversations is out of reach: {error}") from error

    async def _surplus(self, key: str) -> list[int]:
        """Return the numbers of those that are too many or too much, oldest first."""
        numbers = await self._numbers(key)
        async with self._redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.hstrlen(key, str(number))
            sizes = cast("list[int]", await pipe.execute())
        total, count, surplus = sum(sizes), len(numbers), list[int]()
        for number, size in zip(numbers[:-1], sizes, strict=False):
            if count <= self._bounds.exchanges and total <= self._bounds.size:
                break
            surplus.append(number)
            total, count = total - size, count - 1
        return surplus

    async def _numbers(self, key: str) -> list[int]:
        return sorted(int(field) for field in await cast("Awaitable[list[str]]", self._redis.hkeys(key)))

    def _key(self, conversation: str) -> str:
        return f"history:{self._team}:{conversation}"
