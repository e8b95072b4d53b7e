"""Where a team's memory is kept: in Redis, under `memory:<team>:…`, which only that team's user may touch.

Each scope is a hash, from id to what is remembered. What was forgotten leaves a mark under its id for a day, so that
a late second attempt at remembering it does not bring it back. That something was forgotten stands in the stream
`forgotten:<team>`, which the team adds to and reads, and cannot take anything out of.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, cast

from pydantic import ValidationError
from redis.exceptions import RedisError

from callboard_contracts import RefusedError, UnavailableError
from callboard_kit.events.writing import open_redis
from callboard_kit.memory.kept import LONGEST_LIFE, Forgotten, Memory, is_about
from callboard_kit.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis.asyncio import Redis

MARKED_FOR: Final = timedelta(days=1)
"""How long it is known that something was forgotten, so that it is not remembered again by a late attempt."""

MOST_AUDITED: Final = 10_000
"""Records of what was forgotten that are kept, about."""

_NOWHERE: Final = "redis://127.0.0.1:1/0"
_INDEX: Final = "index"


@dataclass(frozen=True)
class Bounds:
    """How much one scope holds; beyond it, what would be forgotten first goes first."""

    entries: int = 200
    size: int = 128 * 1024
    """Bytes."""


class Memories(Protocol):
    """Keeps what a team remembers. One for each team."""

    @property
    def fault(self) -> str | None:
        """Why a worker cannot use it, for whom other processes must find what it kept; None when it can."""
        ...

    async def keep(self, memory: Memory) -> Memory:
        """Remember something, in the place of what says the same, and return it as it is remembered.

        Raises:
            RefusedError: It was forgotten meanwhile.
            UnavailableError: It is out of reach.
        """
        ...

    async def read(self, scopes: Iterable[str]) -> tuple[Memory, ...]:
        """Return what is remembered in these scopes and not over, the newest first.

        Raises:
            UnavailableError: It is out of reach.
        """
        ...

    async def forget(self, scope: str, ids: Sequence[str], *, by: str, why: str = "") -> Forgotten:
        """Forget some of a scope, and record that; what is not there is left out of the record.

        Raises:
            UnavailableError: It is out of reach.
        """
        ...

    async def forget_person(self, about: str, *, by: str, why: str = "") -> tuple[Forgotten, ...]:
        """Forget everything about somebody, in every scope of the team; whom `about` means is as `is_about` has it.

        Raises:
            UnavailableError: It is out of reach.
        """
        ...

    async def scopes(self) -> tuple[str, ...]:
        """Return every scope that holds something.

        Raises:
            UnavailableError: It is out of reach.
        """
        ...

    async def forgotten(self, *, last: int = 100) -> tuple[Forgotten, ...]:
        """Return what was forgotten, the newest first.

        Raises:
            UnavailableError: It is out of reach.
        """
        ...


class RedisMemories:
    """Keeps what a team remembers in Redis."""

    def __init__(self, redis: "Redis", team: str, *, bounds: Bounds | None = None, fault: str | None = None) -> None:
        self._redis = redis
        self._team = team
        self._bounds = bounds or Bounds()
        self.fault = fault

    @classmethod
    def of(cls, settings: Settings, team: str, *, bounds: Bounds | None = None) -> "RedisMemories":
        """Return the memory of a team where `settings` say that Redis is; with a fault where they do not say."""
        url = settings.redis_for(team)
        fault = f"agents of team {team!r} remember things, which are kept in Redis: set CALLBOARD_REDIS_URL"
        return cls(open_redis(url or _NOWHERE), team, bounds=bounds, fault=fault if url is None else None)

    async def keep(self, memory: Memory) -> Memory:
        """See `Memories`."""
        key = self._key(memory.scope)
        try:
            # Never over what is there: it may be the mark of what was forgotten.
            if not await self._redis.hsetnx(key, memory.id, memory.model_dump_json()):
                return await self._there(memory)
            held = [each for each in await self._all(memory.scope) if each.id != memory.id]
            same = [each.id for each in held if _same(each, memory)]
            surplus = [*same, *self._surplus([each for each in held if each.id not in same], memory)]
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.sadd(self._key(_INDEX), memory.scope)
                if surplus:
                    pipe.hdel(key, *surplus)
                # First for a key that never ends, then for one that ends too early.
                life = max(memory.until - datetime.now(UTC), timedelta(seconds=1)) + MARKED_FOR
                pipe.expire(key, life, nx=True)
                pipe.expire(key, life, gt=True)
                pipe.expire(self._key(_INDEX), LONGEST_LIFE + MARKED_FOR)
                await pipe.execute()
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return memory

    async def read(self, scopes: Iterable[str]) -> tuple[Memory, ...]:
        """See `Memories`."""
        try:
            found = [each for scope in dict.fromkeys(scopes) for each in await self._all(scope)]
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return tuple(sorted(found, key=lambda each: (each.at, each.id), reverse=True))

    async def forget(self, scope: str, ids: Sequence[str], *, by: str, why: str = "") -> Forgotten:
        """See `Memories`."""
        try:
            there = {each.id for each in await self._all(scope)}
            return await self._forget(scope, [each for each in dict.fromkeys(ids) if each in there], by, why)
        except (RedisError, OSError) as error:
            raise _away(error) from error

    async def forget_person(self, about: str, *, by: str, why: str = "") -> tuple[Forgotten, ...]:
        """See `Memories`."""
        done: list[Forgotten] = []
        try:
            for scope in await self.scopes():
                if ids := [each.id for each in await self._all(scope) if is_about(each, about)]:
                    done.append(await self._forget(scope, ids, by, why))
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return tuple(done)

    async def scopes(self) -> tuple[str, ...]:
        """See `Memories`."""
        index = self._key(_INDEX)
        try:
            known = sorted(await cast("Awaitable[set[str]]", self._redis.smembers(index)))
            async with self._redis.pipeline(transaction=False) as pipe:
                for scope in known:
                    pipe.exists(self._key(scope))
                there = cast("list[int]", await pipe.execute())
            return tuple(scope for scope, is_there in zip(known, there, strict=True) if is_there)
        except (RedisError, OSError) as error:
            raise _away(error) from error

    async def forgotten(self, *, last: int = 100) -> tuple[Forgotten, ...]:
        """See `Memories`."""
        try:
            entries = cast("list[tuple[str, dict[str, str]]]", await self._redis.xrevrange(self._audit, count=last))
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return tuple(Forgotten.model_validate_json(fields["forgotten"]) for _, fields in entries)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()

    async def _forget(self, scope: str, ids: Sequence[str], by: str, why: str) -> Forgotten:
        now = datetime.now(UTC)
        record = Forgotten(ids=tuple(ids), scope=scope, by=by, at=now, why=why)
        if not ids:
            return record
        mark = json.dumps({"gone": (now + MARKED_FOR).isoformat()})
        async with self._redis.pipeline(transaction=False) as pipe:
            # The record first: what is forgotten without one would never be known.
            pipe.xadd(self._audit, {"forgotten": record.model_dump_json()}, maxlen=MOST_AUDITED, approximate=True)
            pipe.hset(self._key(scope), mapping=dict.fromkeys(ids, mark))
            await pipe.execute()
        return record

    async def _there(self, memory: Memory) -> Memory:
        """Return what an earlier attempt at this remembered."""
        text = cast("str | None", await self._redis.hget(self._key(memory.scope), memory.id))
        there = None if text is None else _read(text)
        if there is None:
            raise RefusedError("it was forgotten meanwhile")
        return there

    async def _all(self, scope: str) -> list[Memory]:
        held = await cast("Awaitable[dict[str, str]]", self._redis.hgetall(self._key(scope)))
        now = datetime.now(UTC)
        found = {id: _read(text) for id, text in held.items()}
        if over := [id for id, text in held.items() if _is_over(found[id], text, now)]:
            await self._redis.hdel(self._key(scope), *over)
        return [each for each in found.values() if each is not None and each.until > now]

    def _surplus(self, held: Sequence[Memory], new: Memory) -> list[str]:
        """Return the ids of those that are too many or too much: what ends first goes first."""
        left = sorted(held, key=lambda each: (each.until, each.at, each.id))
        size = sum(_size(each) for each in (*left, new))
        gone: list[str] = []
        while left and (len(left) + 1 > self._bounds.entries or size > self._bounds.size):
            first = left.pop(0)
            size -= _size(first)
            gone.append(first.id)
        return gone

    @property
    def _audit(self) -> str:
        return f"forgotten:{self._team}"

    def _key(self, scope: str) -> str:
        return f"memory:{self._team}:{scope}"


def _read(text: str) -> Memory | None:
    """Return what a field holds; None for the mark of what was forgotten, and for what a later build wrote."""
    try:
        return Memory.model_validate_json(text)
    except ValidationError:
        return None


def _is_over(memory: Memory | None, text: str, now: datetime) -> bool:
    if memory is not None:
        return memory.until <= now
    try:
        document: object = json.loads(text)
        gone = cast("dict[str, object]", document).get("gone") if isinstance(document, dict) else None
        return isinstance(gone, str) and datetime.fromisoformat(gone) <= now
    except ValueError:
        return False


def _same(one: Memory, other: Memory) -> bool:
    return one.kind == other.kind and one.about == other.about and _words(one.text) == _words(other.text)


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _size(memory: Memory) -> int:
    return len(memory.model_dump_json().encode("utf-8", "replace"))


def _away(error: Exception) -> UnavailableError:
    return UnavailableError(f"the memory is out of reach: {error}")
