"""How far behind a follower is: as figures for a person, and as metrics.

Metrics of the worker whose turn it is, beside Temporal's own (`CALLBOARD_METRICS`), with the attributes `publisher` and
`follower`: the gauges `callboard_feed_lag` (events nobody has begun on), `callboard_feed_pending` (handed to a worker
and not yet to Temporal), `callboard_feed_oldest_seconds` (age of the oldest of both), `callboard_feed_dead` (dead
letters), and the counter `callboard_feed_events` with the attribute `outcome`.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from redis.exceptions import ResponseError
from temporalio.common import MetricMeter

from callboard_kit.processing.model import dead_of, feed_of

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, kw_only=True)
class Lag:
    """What one follower has still to do of a team's events."""

    publisher: str
    follower: str
    lag: int
    """Events that nobody has begun on."""

    pending: int
    """Events that a worker has and Temporal has not."""

    oldest: float
    """Seconds since the oldest of them came into the feed; 0 when there is none."""

    dead: int
    """Dead letters."""

    reading: bool
    """Whether anybody ever read the feed."""


async def lag_of(redis: "Redis", publisher: str, follower: str) -> Lag:
    """Ask Redis how far behind a follower is.

    Raises:
        RedisError: Redis does not answer.
    """
    feed = feed_of(publisher, follower)
    groups: list[dict[str, Any]] = []  # Any: as Redis answers
    try:
        groups = await redis.xinfo_groups(feed)
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
    length, dead = int(await redis.xlen(feed)), int(await redis.xlen(dead_of(publisher, follower)))
    mine = next((group for group in groups if group["name"] == follower), None)
    pending = 0 if mine is None else int(mine["pending"])
    counted = None if mine is None else mine["lag"]
    first = cast("list[tuple[str, object]]", await redis.xrange(feed, "-", "+", count=1))
    oldest = time.time() - int(first[0][0].partition("-")[0]) / 1000 if first else 0.0
    return Lag(
        publisher=publisher,
        follower=follower,
        # What was handled is taken out of the stream, so its length says it where the server cannot.
        lag=max(0, length - pending) if counted is None else int(counted),
        pending=pending,
        oldest=max(0.0, oldest),
        dead=dead,
        reading=mine is not None,
    )


class LagMeter:
    """Tells the metrics of one feed."""

    def __init__(self, meter: MetricMeter, publisher: str, follower: str) -> None:
        meter = meter.with_additional_attributes({"publisher": publisher, "follower": follower})
        self._lag = meter.create_gauge("callboard_feed_lag", "events that nobody has begun on")
        self._pending = meter.create_gauge("callboard_feed_pending", "events that Temporal has not yet")
        self._oldest = meter.create_gauge_float("callboard_feed_oldest_seconds", "age of the oldest event", "s")
        self._dead = meter.create_gauge("callboard_feed_dead", "events that could not be handled")
        self._events = meter.create_counter("callboard_feed_events", "events that were dealt with")

    def tell(self, lag: Lag) -> None:
        """Tell how things stand."""
        self._lag.set(lag.lag)
        self._pending.set(lag.pending)
        self._oldest.set(lag.oldest)
        self._dead.set(lag.dead)

    def count(self, outcome: str) -> None:
        """Count an event."""
        self._events.add(1, {"outcome": outcome})
