"""What a workflow does to memory: four activities."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field
from temporalio import activity

from callboard_contracts import RefusedError
from callboard_kit.context.pieces import Piece
from callboard_kit.context.ranking import relevance
from callboard_kit.memory.kept import LONGEST_TEXT, Forgotten, Kind, Memory, Owner, id_of, lifetime_of
from callboard_kit.memory.store import Memories
from callboard_kit.messages import KitMessage
from callboard_kit.trials.dry import reads

REMEMBER: Final = "callboard.remember"
RECALL: Final = "callboard.recall"
FORGET: Final = "callboard.forget"
FORGET_PERSON: Final = "callboard.forget_person"

MOST_RECALLED: Final = 30
"""Memories that are recalled at once."""


class Remembering(KitMessage):
    """Something to remember."""

    owner: Owner
    kind: Kind
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    by: str
    days: int | None = None


class Recalling(KitMessage):
    """What is to be recalled: what fits some words best."""

    owners: tuple[Owner, ...]
    query: str = ""
    """What it should have to do with. Empty: the newest."""

    kinds: tuple[Kind, ...] = ()
    """Of these kinds. Empty: of all."""

    last: Annotated[int, Field(ge=1, le=MOST_RECALLED)] = 10


class Recalled(KitMessage):
    """What is remembered, the best first."""

    memories: tuple[Memory, ...] = ()


class Forgetting(KitMessage):
    """What is to be forgotten."""

    owner: Owner
    ids: tuple[str, ...]
    by: str
    why: str = ""


class ForgettingPerson(KitMessage):
    """Whom everything is to be forgotten about."""

    about: str
    by: str
    why: str = ""


class ForgottenAll(KitMessage):
    """What was forgotten of somebody."""

    done: tuple[Forgotten, ...] = ()


class MemoryActivities:
    """Remembers, recalls and forgets. Register `all` with the worker."""

    def __init__(self, memories: Memories) -> None:
        self.memories = memories

    @property
    def all(self) -> Sequence[Callable[..., Any]]:  # Any: activities take and return anything
        """All four activities."""
        return (self.remember, self.recall, self.forget, self.forget_person)

    @activity.defn(name=REMEMBER)
    async def remember(self, remembering: Remembering) -> Memory:
        """Remember something, once however often it is attempted."""
        info, now = activity.info(), datetime.now(UTC)
        return await self.memories.keep(
            Memory(
                id=id_of(f"{info.namespace}/{info.workflow_id}/{info.workflow_run_id}/{info.activity_id}"),
                scope=remembering.owner.scope,
                kind=remembering.kind,
                text=remembering.text,
                about=remembering.owner.about,
                by=remembering.by,
                at=now,
                until=now + max(lifetime_of(remembering.kind, remembering.days), timedelta(days=1)),
            )
        )

    @reads
    @activity.defn(name=RECALL)
    async def recall(self, recalling: Recalling) -> Recalled:
        """Recall what fits best."""
        held = await self.memories.read(each.scope for each in recalling.owners)
        return Recalled(memories=best(held, recalling))

    @activity.defn(name=FORGET)
    async def forget(self, forgetting: Forgetting) -> Forgotten:
        """Forget some of a scope.

        Raises:
            RefusedError: There is none of it.
        """
        done = await self.memories.forget(forgetting.owner.scope, forgetting.ids, by=forgetting.by, why=forgetting.why)
        if not done.ids and activity.info().attempt == 1:
            raise RefusedError("nothing is remembered here under these ids; `recall` says what is")
        return done

    @activity.defn(name=FORGET_PERSON)
    async def forget_person(self, forgetting: ForgettingPerson) -> ForgottenAll:
        """Forget everything about somebody."""
        return ForgottenAll(
            done=await self.memories.forget_person(forgetting.about, by=forgetting.by, why=forgetting.why)
        )


def best(held: Iterable[Memory], recalling: Recalling) -> tuple[Memory, ...]:
    """Return the memories that fit best, of those that are held with the newest first."""
    wanted = [each for each in held if not recalling.kinds or each.kind in recalling.kinds]
    if recalling.query:
        # Sorting keeps the newest before the older ones that fit as well.
        wanted.sort(key=lambda each: -relevance(Piece(content=each.text), recalling.query))
    return tuple(wanted[: recalling.last])


def memory_fault(activities: Iterable[Callable[..., Any]]) -> str | None:  # Any: activities take and return anything
    """Return why a worker's activities cannot remember anything; None when they can.

    A worker is one of several processes: what only it remembers would be unknown to the others, and lost with it.
    """
    for each in activities:
        owner: object = getattr(each, "__self__", None)
        if isinstance(owner, MemoryActivities) and owner.memories.fault is not None:
            return owner.memories.fault
    return None
