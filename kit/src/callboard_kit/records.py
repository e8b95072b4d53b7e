"""Call records: who called what, when, and how it ended. Told as it happens, off the call's path, lossy by design.

A record is put into a bounded queue by whatever thread runs the handler or the workflow; a task of the worker drains
it in batches to the sinks, the registry for one; the live event of it goes out at once. When the queue is full or a
sink is down, records are dropped and counted. What is complete is the audit, derived from Temporal's own histories.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, cast

from callboard_contracts import RefusedError, UnavailableError
from callboard_kit.events.model import CallEnded, CallStarted, Detail
from callboard_kit.events.telling import Teller
from callboard_kit.events.writing import EventWriter
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

SOON: Final = 0.005
"""Seconds after which is told what may be told later: about what an answer takes to leave."""

CANCELLED: Final = "it was cancelled"
"""The reason of a call that its caller took back."""

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

    def __init__(self, sinks: Sequence[Sink] = (), *, build: str = "", events: EventWriter | None = None) -> None:
        self._sinks = tuple(sinks)
        self.events = events
        """Where live events go; None: nowhere."""

        self.build = build
        self._queue: deque[CallRecord] = deque(maxlen=QUEUE_LENGTH)
        self._soon: deque[Callable[[], None]] = deque()
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
        at: datetime | None = None,
    ) -> None:
        """Make a record of `call` and take it, from any thread; never blocks and never raises.

        Args:
            call: The call, with the address it was made to.
            outcome: How it ended, or `started`.
            reason: The rule that let it in, or the error it ended with.
            duration: Seconds from its start to its end; None while it runs.
            revision: Digest of the contract it was handled by.
            used: What an agent operation used up.
            at: When it happened, if not now.
        """
        if call.address is None:
            return
        if self.events is not None:
            _tell_live(self.events, call, outcome, reason, duration, at)
        if not self._sinks:
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
                build=self.build,
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                cost_usd=used.cost_usd,
            )
        )

    def tell_soon(
        self, call: Call, outcome: Outcome, *, reason: str, revision: str, duration: float | None = None
    ) -> None:
        """Do as `tell` does, but a moment later, so that an answer need not wait for what is told of it.

        From a running loop only. What is told so keeps its own order.
        """
        now = datetime.now(UTC)
        if not self._soon:
            asyncio.get_running_loop().call_later(SOON, self.catch_up)
        self._soon.append(
            partial(self.tell, call, outcome, reason=reason, revision=revision, duration=duration, at=now)
        )

    def catch_up(self) -> None:
        """Tell now what was to be told soon."""
        while self._soon:
            self._soon.popleft()()

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
        self.catch_up()
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            for sink in self._sinks:
                try:
                    await sink(batch)
                except (RegistryError, OSError) as error:
                    self.dropped += len(batch)
                    logger.warning("%d call records dropped: %s", len(batch), error)
                except Exception:  # A record that a sink chokes on must not keep every later one from going out.
                    self.dropped += len(batch)
                    logger.exception("%d call records dropped", len(batch))


def to_registry(client: RegistryClient) -> Sink:
    """Return a sink that reports to the registry."""
    return client.report_calls


def outcome_of(error: BaseException | None) -> Outcome:
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


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _tell_live(
    events: EventWriter, call: Call, outcome: Outcome, reason: str, duration: float | None, at: datetime | None
) -> None:
    assert call.address is not None, "whoever has no address answers no call"
    service = call.address.service
    detail: Detail
    if outcome == "started":
        detail = CallStarted(call=call.token_id, caller=call.caller, service=service)
    else:
        detail = CallEnded(
            call=call.token_id,
            caller=call.caller,
            service=service,
            outcome=outcome,
            reason=reason,
            seconds=duration,
        )
    teller = Teller(events, call.root, call.address.endpoint, call.address.operation, call.token_id)
    # Named by the call, so that a second delivery of it is recognised.
    teller.tell(detail, id=f"{call.token_id}:{'started' if outcome == 'started' else 'ended'}", at=at)
