"""Tells of what happens, from wherever it happens: a workflow, an activity, a handler.

The plugin says in each of them who tells (`telling`). Where it said nothing, or no Redis is configured, telling does
nothing. In a workflow it is safe: nothing is told while a history is replayed, and names are counted the same way in
each replay, so that what is told again after a crash carries the name it had.
"""

import asyncio
import json
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from temporalio import activity, workflow

from callboard_kit.bound import bound
from callboard_kit.events.model import (
    EVERY_ATTEMPT,
    LONGEST_TEXT,
    Detail,
    Event,
    StepEnded,
    StepRetracted,
    StepStarted,
    TextDelta,
    Used,
    kind_of,
)
from callboard_kit.events.writing import EventWriter

logger: Final = logging.getLogger(__name__)

SPACING: Final = 0.005
"""Seconds between two deltas of a text, at least; what is written sooner goes along with the next."""


@dataclass
class Teller:
    """Who tells: one workflow run, one attempt of an activity, or one call that a handler answers."""

    writer: EventWriter | None
    root: str
    team: str
    operation: str
    name: str
    """What the names of its events begin with."""

    wordless: bool = False
    """Whether what models write here is sensitive."""

    count: int = 0
    steps: int = 0

    def tell(self, detail: Detail, *, id: str | None = None, at: datetime | None = None) -> None:
        """Tell of something; `id` where it has a name of its own, `at` when it happened, if not now."""
        self.count += 1
        if self.writer is None or (workflow.in_workflow() and workflow.unsafe.is_replaying()):
            return
        try:
            data = detail.model_dump(mode="json", exclude_none=True)
        except ValueError as error:  # Text that is no text must not end what only tells of it.
            logger.warning("an event cannot be told: %s", error)
            return
        self.writer.tell(
            self.root,
            Event(
                id=id or f"{self.name}:{self.count}",
                at=at or datetime.now(UTC),
                team=self.team,
                operation=self.operation,
                kind=kind_of(detail),
                data=data,
            ),
        )


@dataclass(frozen=True)
class Step:
    """One round of an agent: its model is asked and answers."""

    id: str
    operation: str = ""
    """The operation that the agent serves, or its workflow."""

    wordless: bool = False
    """Whether what the model writes is to be kept out of events."""

    teller: Teller | None = field(default=None, compare=False)
    """Who tells of it. Absent: nobody, or nobody here."""

    def to_json(self) -> bytes:
        """Return the step as it travels to the activities that belong to it."""
        return json.dumps([self.id, self.operation, self.wordless]).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Step":
        """Read what `to_json` wrote."""
        id, operation, wordless, *_ = json.loads(data)
        return cls(str(id), str(operation), bool(wordless))

    def ended(
        self, text: str | None, *, tools: tuple[str, ...], model: str, usage: tuple[int, int, float | None]
    ) -> None:
        """Tell that the model has answered, and what that took: tokens read and written, and US dollars."""
        if self.teller is None:
            return
        shown = "" if self.wordless else (text or "")[:LONGEST_TEXT]
        self.teller.tell(StepEnded(step=self.id, text=shown, tools=tools))
        read, written, cost = usage
        self.teller.tell(Used(step=self.id, model=model, input_tokens=read, output_tokens=written, cost_usd=cost))

    def taken_back(self, reason: str, *, model: str, usage: tuple[int, int, float | None]) -> None:
        """Tell that what the model wrote does not count, and that the step is over all the same."""
        if self.teller is None:
            return
        shown = "a guard took it back" if self.wordless else reason
        detail = StepRetracted(step=self.id, attempt=EVERY_ATTEMPT, reason=shown)
        self.teller.tell(detail, id=f"{self.id}:retracted")
        self.ended("", tools=(), model=model, usage=usage)


_teller: Final[ContextVar[Teller | None]] = ContextVar("callboard_teller", default=None)
_step: Final[ContextVar[Step | None]] = ContextVar("callboard_step", default=None)


@contextmanager
def telling(teller: Teller | None) -> Generator[None]:
    """Have what happens in this block told by `teller`. For the kit's own interceptors and for tests."""
    with bound(_teller, teller):
        yield


def tell(detail: Detail) -> None:
    """Tell of something that happened here, now; never blocks and never raises."""
    teller = _teller.get()
    if teller is not None:
        teller.tell(detail)


@contextmanager
def step() -> Generator[Step]:
    """Tell that an agent asks its model; activities started in this block know the step they belong to."""
    teller = _teller.get()
    if teller is None:
        yield Step("")
        return
    teller.steps += 1
    opened = Step(f"{teller.name}/{teller.steps}", teller.operation, teller.wordless, teller)
    teller.tell(StepStarted(step=opened.id, number=teller.steps))
    with bound(_step, opened):
        yield opened


def current_step() -> Step | None:
    """Return the step that is open here, if any."""
    return _step.get()


@contextmanager
def in_step(opened: Step | None) -> Generator[None]:
    """Have this block belong to a step that was opened elsewhere. For the kit's own interceptors."""
    with bound(_step, opened):
        yield


class Words:
    """What a model is writing in one attempt of a step, told piece by piece. Belongs to an activity's event loop."""

    def __init__(self, teller: Teller | None, step: str, attempt: int) -> None:
        self._teller = teller
        self._step = step
        self._attempt = attempt
        self._waiting: list[str] = []
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.spoken = False
        """Whether anything was told."""

    def say(self, text: str | None) -> None:
        """Tell a piece, at once or along with the next."""
        if self._teller is None or not text:
            return
        self._waiting.append(text)
        pause = self._last + SPACING - time.monotonic()
        if pause <= 0:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(pause, self.flush)

    def flush(self) -> None:
        """Tell what still waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._teller is None or not self._waiting:
            return
        piece, self._waiting = "".join(self._waiting), []
        self._last = time.monotonic()
        self.spoken = True
        self._teller.tell(TextDelta(step=self._step, attempt=self._attempt, text=piece))

    def retract(self, attempt: int, reason: str) -> None:
        """Tell that what was written up to an attempt does not count, nor what waits to be told."""
        self._waiting.clear()
        if self._teller is not None:
            detail = StepRetracted(step=self._step, attempt=attempt, reason=reason)
            self._teller.tell(detail, id=f"{self._step}:retracted:{attempt}")


@contextmanager
def words() -> Generator[Words]:
    """Tell what a model writes in this block, which is one attempt; it is taken back when the attempt fails."""
    teller, opened = _teller.get(), _step.get()
    if teller is None or opened is None or opened.wordless:
        yield Words(None, "", 0)
        return
    attempt = activity.info().attempt
    told = Words(teller, opened.id, attempt)
    if attempt > 1:
        told.retract(attempt - 1, "the attempt before this one broke off")
    try:
        yield told
        told.flush()
    except BaseException:
        if told.spoken:
            told.retract(attempt, "the model's answer broke off")
        raise
