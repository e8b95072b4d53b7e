"""Workflows that follow the shop: one for each key, one for each event. What they note is kept by whoever runs them."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

from callboard_contracts import Message, RefusedError, UnavailableError
from callboard_kit.processing import Events, FeedEvent, Following, handled
from callboard_kit.processing.processor import EachEvent, EachKey, Processor


class Sold(Message):
    what: str


class Notes:
    """What was noted, and whether what is needed for it is there."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.refused: set[str] = set()
        self.away = 0

    @activity.defn
    async def note(self, what: str) -> None:
        if what in self.refused:
            raise RefusedError(f"nobody wants {what!r}")
        if self.away:
            self.away -= 1
            raise UnavailableError("the book is out of reach")
        self.noted.append(what)


async def _note(event: FeedEvent) -> None:
    await workflow.execute_activity_method(
        Notes.note,
        event.read(Sold).what,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=RetryPolicy(maximum_attempts=1),
    )


@workflow.defn
class FollowKey:
    @workflow.init
    def __init__(self, state: Following) -> None:
        self._events = Events(state)

    @workflow.run
    async def run(self, state: Following) -> None:
        await self._events.each(_note)

    @workflow.signal
    def happened(self, event: FeedEvent) -> None:
        self._events.take(event)


@workflow.defn
class FollowEvent:
    @workflow.run
    async def run(self, event: FeedEvent) -> None:
        await handled(event, _note)


BY_KEY = Processor(publisher="shop", kinds={"sold.v1": Sold}, to=EachKey(FollowKey.run, FollowKey.happened))
BY_EVENT = Processor(publisher="stall", kinds={"sold.v1": Sold}, to=EachEvent(FollowEvent.run))
