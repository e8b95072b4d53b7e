"""What a conversation's workflow does to its history: two activities."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from temporalio import activity

from callboard_kit.conversations.history import MOST_EXCHANGES, History
from callboard_kit.conversations.kept import Exchange, newest_within
from callboard_kit.messages import KitMessage

KEEP: Final = "callboard.keep_exchanges"
RECALL: Final = "callboard.recall_exchanges"


class Keeping(KitMessage):
    """Exchanges to keep."""

    conversation: str
    exchanges: tuple[Exchange, ...]


class Recalling(KitMessage):
    """Which exchanges are to be recalled: those with a number above `after` and at most `upto`, the last of them."""

    conversation: str
    after: int = 0
    upto: int | None = None
    last: int = MOST_EXCHANGES


class Recalled(KitMessage):
    """What is kept of them."""

    exchanges: tuple[Exchange, ...] = ()


class HistoryActivities:
    """Keeps and recalls what was said. Register `all` with the worker."""

    def __init__(self, history: History) -> None:
        self.history = history

    @property
    def all(self) -> Sequence[Callable[..., Any]]:  # Any: activities take and return anything
        """Both activities."""
        return (self.keep, self.recall)

    @activity.defn(name=KEEP)
    async def keep(self, keeping: Keeping) -> None:
        """Keep exchanges."""
        await self.history.keep(keeping.conversation, keeping.exchanges)

    @activity.defn(name=RECALL)
    async def recall(self, wanted: Recalling) -> Recalled:
        """Recall exchanges, as far as they are kept."""
        found = await self.history.read(wanted.conversation, after=wanted.after, upto=wanted.upto, last=wanted.last)
        return Recalled(exchanges=newest_within(found))
