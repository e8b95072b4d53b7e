"""A conversation from the inside: the body of the workflow that holds it.

    @workflow.defn
    class Conversation:
        @workflow.init
        def __init__(self, begin: Begin) -> None:
            self._talk = Talk(begin, agent=AGENT)

        @workflow.run
        async def run(self, begin: Begin) -> Transcript:
            return await self._talk.hold()

        …  # one line each: the updates `say`, `look` and `close`, their validators, the query `standing`

Messages are answered one after the other, each on behalf of the call that brought it: with its caller's rights, its
time and its limits. What was answered is written to the history off the answer's path. The workflow goes on as a new
run before Temporal's history of it grows too large, and before more callbacks hang on it than a server allows.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow

from callboard_contracts import Deed, MeshError, RefusedError, UnavailableError, Usage
from callboard_contracts.conversations import (
    BUSY,
    CLOSED,
    REUSED,
    WITHDRAWN,
    Answer,
    Asking,
    Closing,
    Saying,
    Transcript,
    Turn,
    Withdrawal,
    Withdrawn,
)
from callboard_kit import events, mesh
from callboard_kit.agent import Agent, ChatMessage, Dialogue
from callboard_kit.agent.outcome import total
from callboard_kit.approvals import ApprovalPolicy, AskForAll, AskForEffects, Automatic
from callboard_kit.conversations.kept import Exchange, Heard, digest, shortened
from callboard_kit.conversations.memory import MOST_TOKENS
from callboard_kit.conversations.record import Begin, Record
from callboard_kit.conversations.sharing import Sharing
from callboard_kit.conversations.specialists import MOST_EARLIER, HandedOver, HandOver, Specialist, sharing_of

MOST_WAITING: Final = 6
"""Messages that wait their turn, at most; with those being answered fewer than a server lets be under way."""

MOST_UPDATES: Final = 18
"""Messages that one run takes before it goes on as a new one. A callback hangs on each, and a server that nobody
tuned allows 32 of them; those that come while the last are answered are among them."""

MOST_LATE: Final = 10
"""Messages that are taken beyond that, while the last are answered."""

_MOST_HANDOVERS: Final = 3


@dataclass(eq=False)
class _Place:
    """A message on its way to its answer."""

    saying: Saying
    answered: "asyncio.Future[Answer]"
    task: "asyncio.Task[Any] | None" = None  # Any: whatever an update's handler answers
    """Who waits for its turn, and has it answered then. None: it came while the agent was at work on another."""

    withdrawn: bool = False


@dataclass
class _Reply:
    """What became of the words at hand so far."""

    messages: list[ChatMessage] = field(default_factory=list[ChatMessage])
    deeds: list[Deed] = field(default_factory=list[Deed])
    usage: list[Usage] = field(default_factory=list[Usage])
    text: str = ""
    team: str = ""


class Talk:
    """Holds one conversation. One for each run of its workflow."""

    def __init__(
        self,
        begin: Begin,
        *,
        agent: Agent[Any],  # Any: it answers with words
        specialists: Sequence[Specialist] = (),
        sharing: Sharing | None = None,
        most_tokens: int = MOST_TOKENS,
        most_updates: int = MOST_UPDATES,
    ) -> None:
        """Take up a conversation.

        Args:
            begin: What the workflow was started with.
            agent: Who answers.
            specialists: Other teams' agents to whom it may hand the conversation over.
            sharing: What they are let know, and what is read of theirs. Absent: as the team's `team.toml` says.
            most_tokens: What of the conversation before the agent's model can read.
            most_updates: Messages that one run takes.
        """
        self._begin = begin
        self._agent = agent
        self._approvals = _stricter(agent.approvals, begin.opening.approvals)
        self._specialists = {each.team: each for each in specialists}
        self._sharing = sharing or (sharing_of(begin.team) if specialists else Sharing())
        self._most_updates = most_updates
        self._record = Record(begin, most_tokens=most_tokens)
        carried = begin.carried
        known = carried is not None and carried.speaker in self._specialists
        self._speaker = carried.speaker if carried is not None and known else begin.team
        self._facts = dict(carried.facts) if carried is not None else {}
        self._reason = carried.reason if carried is not None else ""
        self._places: dict[str, _Place] = {}
        self._turns = asyncio.Lock()
        self._ear: list[_Place] | None = None
        self._updates = 0
        self._closing: str | None = None

    def may_say(self, saying: Saying) -> None:
        """Take a message or refuse it, before anything of it is written down. For the update's validator.

        Raises:
            RefusedError: It is closed, or busy and was opened to refuse then, or the name was used for other words.
            UnavailableError: Too many wait; it may be sent again.
        """
        known = self._record.known(saying.message)
        place = self._places.get(saying.message)
        before = known.digest if known else digest(place.saying.text) if place else None
        if before is not None:
            if before != digest(saying.text):
                raise RefusedError(f"message {saying.message!r} {REUSED}; give every message a name of its own")
            return
        if self._closing is not None:
            raise RefusedError(f"conversation {saying.conversation!r} {CLOSED}")
        self._must_have_room()
        if self._places and self._begin.opening.while_busy == "reject":
            raise RefusedError(
                f"conversation {saying.conversation!r} {BUSY}; send this one again when that is answered"
            )
        if len(self._places) > MOST_WAITING:
            raise UnavailableError(
                f"{MOST_WAITING} messages wait in conversation {saying.conversation!r}; send this one again when they "
                "are answered"
            )

    def may_close(self, _closing: Closing) -> None:
        """Take the wish to close. For the update's validator.

        Raises:
            UnavailableError: Just now it goes on as a new run; to be asked again.
        """
        self._must_have_room()

    def _must_have_room(self) -> None:
        if self._updates >= self._most_updates + MOST_LATE:
            raise UnavailableError("the conversation goes on as a new run just now; send it again in a moment")

    async def say(self, saying: Saying) -> Answer:
        """Answer a message, once however often it comes.

        Raises:
            MeshError: It could not be answered; it may be sent again under the same name.
        """
        self._updates += 1
        if known := self._record.known(saying.message):
            return await self._record.as_before(known)
        if place := self._places.get(saying.message):
            return await _shared(place)
        place = self._places[saying.message] = _Place(saying, asyncio.get_running_loop().create_future())
        if self._ear is not None:
            self._ear.append(place)
            return await _shared(place)
        place.task = asyncio.current_task()
        try:
            async with self._turns:
                await self._take_turn(place)
        except BaseException as error:  # A withdrawal arrives as a cancellation; anything else goes on as it came.
            if not place.withdrawn:
                raise
            self._forget(place)
            raise _taken_back(place) from error
        return place.answered.result()

    def withdraw(self, withdrawal: Withdrawal) -> Withdrawn:
        """Have a message not answered any more: the agent stops, and what it has done stays done.

        Raises:
            RefusedError: There is no such message, or the agent has heard it while it answered another.
        """
        name = withdrawal.message
        if self._record.known(name) is not None:
            return Withdrawn(message=name, state="answered")
        place = self._places.get(name)
        if place is None:
            raise RefusedError(f"there is no message {name!r} in conversation {withdrawal.conversation!r}")
        if place.task is None and not self._unheard(place):
            raise RefusedError(f"message {name!r} is a part of what is being answered; take back the one before it")
        place.withdrawn = True
        if place.task is None:
            self._forget(place)
        else:
            place.task.cancel()
        return Withdrawn(message=name, state="withdrawn")

    def _unheard(self, place: _Place) -> bool:
        """Take a message off what the agent is to hear next, and tell whether it was there."""
        if self._ear is None or place not in self._ear:
            return False
        self._ear.remove(place)
        return True

    def _forget(self, place: _Place) -> None:
        self._places.pop(place.saying.message, None)
        _fail(place.answered, _taken_back(place))

    async def close(self, closing: Closing) -> Transcript:
        """Take no more messages, answer those that were taken, and return how the conversation ends."""
        self._updates += 1
        if self._closing is None:
            self._closing = closing.reason
        await workflow.wait_condition(lambda: not self._places)
        return self.standing(0)

    def look(self, last: int) -> Transcript:
        """Return how the conversation stands. For an update: a query is safe only when the conversation is over.

        A worker that loads a run to answer a query goes on with events that no workflow task has begun on yet, and
        what comes before that task begins is then replayed in another order than it was handled in.
        """
        return self.standing(last)

    def standing(self, last: int) -> Transcript:
        """Return how the conversation stands, with what is at hand of its last answers."""
        return Transcript(
            conversation=self._begin.opening.conversation,
            state="open" if self._closing is None else "closed",
            team=self._speaker,
            busy=self._turns.locked(),
            waiting=max(0, len(self._places) - 1),
            messages=self._record.messages,
            opened=self._begin.opened,
            closed_because=self._closing or "",
            said=self._record.said(last),
        )

    async def hold(self) -> Transcript:
        """Hold the conversation until it is closed, and return how it stood then."""
        idle = timedelta(seconds=self._begin.opening.idle_seconds)
        if self._begin.carried is None:
            self._tell(events.RunStarted(workflow_id=workflow.info().workflow_id))
        while self._closing is None:
            try:
                await workflow.wait_condition(self._has_to_do, timeout=idle)
            except TimeoutError:
                if not self._places:
                    self._closing = "idle"
            await self._record.keep()
            if self._closing is None and self._must_renew():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._closing is None:
                    carried = self._record.carry(speaker=self._speaker, facts=self._facts, reason=self._reason)
                    workflow.continue_as_new(self._begin.model_copy(update={"carried": carried}))
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._record.keep()
        self._tell(events.RunEnded(outcome="ok"))
        return self.standing(0)

    def _tell(self, detail: events.RunStarted | events.RunEnded) -> None:
        # A tree of the conversation's own bears its name. In any other it is a part, and that goes on after it.
        if mesh.current().root == self._begin.opening.conversation:
            events.tell(detail)

    def _has_to_do(self) -> bool:
        return self._record.to_keep or self._closing is not None or self._must_renew()

    def _must_renew(self) -> bool:
        return self._updates >= self._most_updates or workflow.info().is_continue_as_new_suggested()

    async def _take_turn(self, place: _Place) -> None:
        """Answer a message and all that the agent is steered with meanwhile."""
        ear: list[_Place] = []
        heard = [place]

        def hear() -> Sequence[str]:
            new, ear[:] = list(ear), []
            heard.extend(new)
            return [each.saying.text for each in new]

        if self._begin.opening.while_busy == "steer":
            self._ear = ear
        reply = _Reply()
        words: Sequence[str] = (place.saying.text,)
        try:
            await self._record.recall()
            if (used := await self._record.summarise(self._agent)) is not None:
                reply.usage.append(used)
            while words:
                await self._reply("\n\n".join(words), reply, hear)
                words = hear()
        except BaseException as error:  # Whoever waits for this turn hears how it ended, also when it was cancelled.
            for each in (*heard, *ear):
                self._places.pop(each.saying.message, None)
                _fail(each.answered, error if not place.withdrawn else _after_withdrawal(each, place))
            raise
        finally:
            self._ear = None
        exchange = Exchange(
            number=self._record.answered + 1,
            heard=tuple(Heard(message=each.saying.message, text=each.saying.text) for each in heard),
            answer=reply.text,
            team=reply.team,
            at=workflow.now(),
            messages=shortened(tuple(reply.messages)),
            deeds=tuple(reply.deeds),
            usage=total(reply.usage),
        )
        self._record.add(exchange)
        for each in heard:
            self._places.pop(each.saying.message, None)
            each.answered.set_result(self._record.answer(exchange, each.saying.message))

    async def _reply(self, words: str, reply: _Reply, hear: Callable[[], Sequence[str]]) -> None:
        """Have whoever speaks answer `words`; an agent may leave it to another."""
        for _ in range(_MOST_HANDOVERS):
            if (specialist := self._specialists.get(self._speaker)) is not None:
                if await self._ask(specialist, words, reply):
                    return
            elif (wanted := await self._answer_ourselves(words, reply, hear)) is None:
                return
            else:
                self._speaker, self._reason = wanted.team, wanted.reason
                self._facts |= wanted.facts
        self._speaker = self._begin.team
        await self._answer_ourselves(words, reply, hear, alone=True)

    async def _answer_ourselves(
        self, words: str, reply: _Reply, hear: Callable[[], Sequence[str]], *, alone: bool = False
    ) -> HandedOver | None:
        """Have the team's own agent answer; return who is to go on in its place, if it says so."""
        tool = HandOver(tuple(self._specialists.values()))
        tools = (tool,) if self._specialists and not alone else ()
        dialogue = Dialogue(before=(*self._record.memory.messages(), *reply.messages), hear=hear)
        outcome = await self._agent.run(words, dialogue=dialogue, tools=tools, approvals=self._approvals)
        reply.deeds.extend(deed for deed in outcome.deeds if deed.service != "local")
        reply.usage.append(outcome.usage)
        if tool.wanted is not None:
            return tool.wanted
        reply.messages.extend(_closed(dialogue.messages, outcome.answer))
        reply.text = outcome.answer
        reply.team = self._begin.team
        return None

    async def _ask(self, specialist: Specialist, words: str, reply: _Reply) -> bool:
        """Have a specialist answer, and tell whether they did; if not, the conversation is ours again."""
        summary = self._record.memory.summary
        turn = Turn(
            conversation=self._begin.opening.conversation,
            text=words,
            reason=self._reason[:2_000],
            facts=self._facts,
            summary="" if summary is None else summary.text,
            earlier=self._record.said(MOST_EARLIER),
        )
        try:
            told = await specialist.answer(self._sharing.given(turn, to=specialist.team))
        except (RefusedError, UnavailableError) as error:
            self._speaker = self._begin.team
            note = f"(The {specialist.team} team could not go on with the conversation: {error}. It is yours again.)"
            reply.messages.append(ChatMessage(role="user", content=note))
            return False
        told = self._sharing.taken_back(told, of=specialist.team)
        self._facts |= told.facts
        reply.deeds.extend(told.deeds)
        reply.usage.append(told.usage)
        if told.then != "stay":
            self._speaker = self._begin.team
        if told.then == "not_mine":
            note = f"(The {specialist.team} team gave the conversation back: {told.reason})"
            reply.messages.append(ChatMessage(role="user", content=note))
            return False
        reply.messages.append(ChatMessage(role="user", content=words))
        reply.messages.append(ChatMessage(role="assistant", content=told.text))
        reply.text = told.text
        reply.team = specialist.team
        return True


def _taken_back(place: _Place) -> RefusedError:
    return RefusedError(f"message {place.saying.message!r} {WITHDRAWN} and is not answered")


def _after_withdrawal(each: _Place, withdrawn: _Place) -> MeshError:
    """Return what becomes of a message that was to be answered together with one that was taken back."""
    if each is withdrawn:
        return _taken_back(withdrawn)
    return UnavailableError(
        f"message {withdrawn.saying.message!r}, which was answered together with this one, {WITHDRAWN}; send it again"
    )


async def _shared(place: _Place) -> Answer:
    """Wait for an answer that somebody else's turn brings."""
    return await asyncio.shield(place.answered)


def _closed(messages: Sequence[ChatMessage], answer: str) -> Sequence[ChatMessage]:
    """Return what was said so that it ends with the answer, also where a limit cut it off."""
    last = messages[-1]
    if last.role == "assistant" and not last.tool_calls:
        return messages
    return (*messages, ChatMessage(role="assistant", content=answer))


def _fail(answered: "asyncio.Future[Answer]", error: BaseException) -> None:
    """Have whoever waits for an answer hear that there is none."""
    if answered.done():
        return
    if isinstance(error, MeshError):
        answered.set_exception(error)
        answered.exception()  # Marks it as seen: whoever brought the message hears of it anyway.
    else:
        answered.cancel()


def _stricter(own: ApprovalPolicy, asked: Asking) -> ApprovalPolicy:
    """Return the policy of an agent where its conversation may ask for more, and never for less."""
    if asked == "all":
        return AskForAll()
    return AskForEffects() if asked == "effects" and isinstance(own, Automatic) else own
