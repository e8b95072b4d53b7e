"""Call records: who called what, when, and how it ended. Told as it happens, off the call's path, lossy by design.

A record is put into a bounded queue by whatever thread runs the handler or the workflow; a task of the worker drains
it in batches to the sinks: the registry, and the tree's live event stream. When the queue is full or a sink is down,
records are dropped and counted. What is complete is the audit, which is derived from Temporal's own histories.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.typing import EncodableT, FieldT

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit.tokens import Call
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryError
from callboard_registry_api.model import CallRecord, Outcome

logger: Final = logging.getLogger(__name__)

QUEUE_LENGTH: Final = 10_000
BATCH: Final = 200
FLUSH_SECONDS: Final = 0.5
"""How long a record waits for others, at most. Each batch is signed, verified and synced to a disk, so many small ones
cost more than what they tell of."""

EVENTS_KEPT: Final = 10_000
"""Events kept per tree, about."""

EVENTS_LIFETIME: Final = timedelta(days=7)
"""How long a tree's events stay after the last of them."""

Sink = Callable[[Sequence[CallRecord]], Awaitable[object]]
"""Takes a batch of records somewhere. When it raises, the batch is dropped."""


@dataclass(frozen=True)
class Used:
    """What an agent operation said it used."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None

    @classmethod
    def read_from(cls, answer: bytes) -> "Used":
        """Read the member `usage` of an agent operation's answer; nothing used when it has none."""
        document: object = json.loads(answer)
        usage = cast("dict[str, object]", document).get("usage") if isinstance(document, dict) else None
        if not isinstance(usage, dict):
            return cls()
        members = cast("dict[str, object]", usage)
        cost = members.get("cost_usd")
        return cls(
            input_tokens=_count(members.get("input_tokens")),
            output_tokens=_count(members.get("output_tokens")),
            cost_usd=float(cost) if isinstance(cost, int | float) else None,
        )


class Recorder:
    """Collects the records of one process and hands them to its sinks."""

    def __init__(self, sinks: Sequence[Sink] = (), *, build: str = "") -> None:
        self._sinks = tuple(sinks)
        self._build = build
        self._queue: deque[CallRecord] = deque(maxlen=QUEUE_LENGTH)
        self.dropped = 0
        """How many records were lost so far."""

    def tell(
        self,
        call: Call,
        outcome: Outcome,
        *,
        reason: str = "",
        duration: float | None = None,
        revision: str = "",
        used: Used | None = None,
    ) -> None:
        """Make a record of `call` and take it, from any thread; never blocks and never raises.

        Args:
            call: The call, with the address it was made to.
            outcome: How it ended, or `started`.
            reason: The rule that let it in, or the error it ended with.
            duration: Seconds from its start to its end; None while it runs.
            revision: Digest of the contract it was handled by.
            used: What an agent operation used up.
        """
        if not self._sinks or call.address is None:
            return
        if len(self._queue) == QUEUE_LENGTH:
            self.dropped += 1
        used = used or Used()
        self._queue.append(
            CallRecord(
                root=call.root,
                token_id=call.token_id,
                caller=call.caller,
                person=call.person or "",
                endpoint=call.address.endpoint,
                service=call.address.service,
                operation=call.address.operation,
                entity=call.entity,
                start=datetime.fromtimestamp(call.started, UTC),
                duration=None if duration is None else timedelta(seconds=duration),
                outcome=outcome,
                reason=reason,
                revision=revision,
                build=self._build,
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                cost_usd=used.cost_usd,
            )
        )

    async def run(self) -> None:
        """Drain the queue until cancelled, then once more."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self.flush()
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.flush(), timeout=2)

    async def flush(self) -> None:
        """Hand everything collected so far to the sinks."""
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            for sink in self._sinks:
                try:
                    await sink(batch)
                except (RegistryError, RedisError, OSError) as error:
                    self.dropped += len(batch)
                    logger.warning("%d call records dropped: %s", len(batch), error)
                except Exception:  # A record that a sink chokes on must not keep every later one from going out.
                    self.dropped += len(batch)
                    logger.exception("%d call records dropped", len(batch))


def to_registry(client: RegistryClient) -> Sink:
    """Return a sink that reports to the registry."""
    return client.report_calls


def to_events(redis: Redis) -> Sink:
    """Return a sink that appends to each tree's live event stream (`events:<root>`)."""

    async def append(records: Sequence[CallRecord]) -> None:
        async with redis.pipeline(transaction=False) as pipe:
            for record in records:
                # The published type wants the very union of which these are members.
                pipe.xadd(_stream(record), cast("dict[FieldT, EncodableT]", _event(record)), maxlen=EVENTS_KEPT)
            for stream in dict.fromkeys(map(_stream, records)):
                pipe.expire(stream, EVENTS_LIFETIME)
            await pipe.execute()

    return append


def outcome_of(error: MeshError | None) -> Outcome:
    """Return how a call ended that raised `error`, or did not."""
    match error:
        case None:
            return "ok"
        case RefusedError():
            return "refused"
        case UnavailableError():
            return "unavailable"
        case _:
            return "failed"


def _stream(record: CallRecord) -> str:
    return f"events:{record.root}"


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _event(record: CallRecord) -> dict[str, str]:
    ended = record.outcome != "started"
    data = {
        "caller": record.caller,
        "service": record.service,
        "token_id": record.token_id,
        "entity": record.entity,
        "outcome": record.outcome,
        "reason": record.reason,
        "duration_seconds": None if record.duration is None else record.duration.total_seconds(),
    }
    at = record.start + record.duration if ended and record.duration is not None else record.start
    return {
        "at": at.isoformat(),
        "team": record.endpoint,
        "operation": record.operation,
        "kind": "call.ended" if ended else "call.started",
        "data": json.dumps(data, separators=(",", ":")),
    }
