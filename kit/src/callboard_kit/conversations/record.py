"""What a conversation's workflow knows of what was said: at hand, in its agent's memory, and in the history."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

from callboard_contracts import MeshError, UnavailableError, Usage
from callboard_contracts.conversations import Answer, Opening, Said
from callboard_kit.agent import Agent, Limits, agent_run
from callboard_kit.conversations.activities import KEEP, RECALL, Keeping, Recalled, Recalling
from callboard_kit.conversations.kept import Exchange, Summary, digest, newest_within
from callboard_kit.conversations.memory import INSTRUCTIONS, Memory
from callboard_kit.messages import KitMessage

_CARRIED: Final = 4
_CARRIED_CHARACTERS: Final = 64_000
_REMEMBERED_NAMES: Final = 300
_AT_HAND: Final = 50
_ONE_TRY: Final = timedelta(seconds=3)
_PATIENCE: Final = timedelta(seconds=10)
_SOON: Final = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=2))


class Known(KitMessage):
    """A message that was answered."""

    message: str
    digest: str
    number: int
    """The exchange that answered it."""


class Carried(KitMessage):
    """What a run hands to the next one of the same conversation."""

    answered: int
    """Answers that were given."""

    speaker: str
    """The team whose agent speaks."""

    facts: Mapping[str, str] = {}
    reason: str = ""
    summary: Summary | None = None
    exchanges: tuple[Exchange, ...] = ()
    unkept: tuple[Exchange, ...] = ()
    known: tuple[Known, ...] = ()
    messages: int = 0


class Begin(KitMessage):
    """What a conversation's workflow is started with."""

    opening: Opening
    key: str
    """What its history is kept under."""

    team: str
    opened: datetime
    carried: Carried | None = None


class Record:
    """What was said in one conversation. One for each run of its workflow."""

    def __init__(self, begin: Begin, *, most_tokens: int) -> None:
        carried = begin.carried or Carried(answered=0, speaker=begin.team)
        self._conversation = begin.opening.conversation
        self._key = begin.key
        self.answered = carried.answered
        """Answers that were given."""

        self.messages = carried.messages
        """Messages that were answered."""

        self.memory = Memory(summary=carried.summary, exchanges=carried.exchanges, most_tokens=most_tokens)
        """What the agent remembers."""

        self._recent = list(carried.exchanges)
        self._unkept = list(carried.unkept)
        self._known = {each.message: each for each in carried.known}
        self._recalled = begin.carried is None
        self.to_keep = bool(carried.unkept)
        """Whether there is something to write that was not tried yet."""

    def add(self, exchange: Exchange) -> None:
        """Take the next exchange."""
        self.answered = exchange.number
        self.messages += len(exchange.heard)
        self.memory.add(exchange)
        self._recent = [*self._recent, exchange][-_AT_HAND:]
        self._unkept.append(exchange)
        self.to_keep = True
        for each in exchange.heard:
            self._known[each.message] = Known(message=each.message, digest=digest(each.text), number=exchange.number)

    def known(self, message: str) -> Known | None:
        """Return what is known of a message that was answered."""
        return self._known.get(message)

    def said(self, last: int) -> tuple[Said, ...]:
        """Return the last messages with their answers, as far as they are at hand."""
        said = tuple(each for exchange in self._recent for each in exchange.said())
        return newest_within(said[-last:]) if last else ()

    def answer(self, exchange: Exchange, message: str) -> Answer:
        """Return an exchange as the answer to one of its messages."""
        return Answer(
            conversation=self._conversation,
            message=message,
            text=exchange.answer,
            team=exchange.team,
            deeds=exchange.deeds,
            usage=exchange.usage,
        )

    async def as_before(self, known: Known) -> Answer:
        """Return the answer that a message had.

        Raises:
            UnavailableError: It is neither at hand nor kept.
        """
        at_hand = [each for each in self._recent if each.number == known.number]
        for exchange in at_hand or await self._read(after=known.number - 1, upto=known.number):
            if exchange.number == known.number:
                return self.answer(exchange, known.message)
        raise UnavailableError(f"message {known.message!r} was answered, but its answer cannot be found just now")

    async def recall(self) -> None:
        """Fetch what the run before did not hand over, once; without it the conversation goes on all the same."""
        if self._recalled:
            return
        self._recalled = True
        after = 0 if self.memory.summary is None else self.memory.summary.upto
        oldest = min((each.number for each in self.memory.exchanges), default=self.answered + 1)
        if oldest <= after + 1:
            return
        self.memory.add(*await self._read(after=after))
        found = [each for each in self.memory.exchanges if each.number < oldest]
        self.memory.gap = len(found) < oldest - 1 - after

    async def keep(self) -> None:
        """Write what is not kept yet; what cannot be written now is tried again with the next answer."""
        if not self.to_keep:
            return
        self.to_keep = False
        keeping = newest_within(self._unkept)
        try:
            await workflow.execute_activity(
                KEEP,
                Keeping(conversation=self._key, exchanges=keeping),
                start_to_close_timeout=_ONE_TRY,
                schedule_to_close_timeout=_PATIENCE,
                retry_policy=_SOON,
            )
        except (ActivityError, MeshError) as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("what was said could not be kept: %s", error)
            return
        last = keeping[-1].number
        self._unkept = [each for each in self._unkept if each.number > last]

    async def summarise(self, agent: Agent[Any]) -> Usage | None:  # Any: whatever it answers with
        """Summarise what the model cannot read any more, and return what that took.

        Where it fails, the agent goes on with what it can read.
        """
        overdue = self.memory.overdue()
        if not overdue:
            return None
        try:
            outcome = await agent_run(
                self.memory.to_summarise(overdue),
                instructions=INSTRUCTIONS,
                limits=Limits(max_steps=1),
                model=agent.model,
                name=f"{agent.name}-minutes",
            )
        except MeshError as error:
            workflow.logger.warning("what was said could not be summarised: %s", error)
            return None
        if outcome.stopped_because == "answered":
            self.memory.summarised(overdue, outcome.answer)
        return outcome.usage

    def carry(self, *, speaker: str, facts: Mapping[str, str], reason: str) -> Carried:
        """Return what the next run is to know."""
        return Carried(
            answered=self.answered,
            messages=self.messages,
            speaker=speaker,
            facts=facts,
            reason=reason,
            summary=self.memory.summary,
            exchanges=newest_within(self._recent[-_CARRIED:], _CARRIED_CHARACTERS),
            unkept=newest_within(self._unkept),
            known=tuple(self._known.values())[-_REMEMBERED_NAMES:],
        )

    async def _read(self, *, after: int, upto: int | None = None) -> tuple[Exchange, ...]:
        try:
            recalled = await workflow.execute_activity(
                RECALL,
                Recalling(conversation=self._key, after=after, upto=upto, last=_AT_HAND),
                result_type=Recalled,
                start_to_close_timeout=_ONE_TRY,
                schedule_to_close_timeout=_PATIENCE,
                retry_policy=_SOON,
            )
        except (ActivityError, MeshError) as error:
            if is_cancelled_exception(error):
                raise
            return ()
        return recalled.exchanges
