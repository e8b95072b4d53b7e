"""A message may be taken back while it waits or is answered, and everybody finds their own conversations."""

import asyncio
import uuid

import pytest
from talkers import House, Talker

from callboard_contracts import RefusedError, UnavailableError
from callboard_contracts.conversations import Found, Withdrawn
from callboard_kit.agent import ModelReply, ModelRequest


async def busy(house: House, talker: Talker, text: str, message: str) -> asyncio.Task[object]:
    """Say something, and return once the model is at work on it, which does not answer until it may."""
    house.model.may.clear()
    house.model.asked.clear()
    saying = asyncio.create_task(talker.say(text, message=message))
    await house.model.asked.wait()
    return saying


async def test_a_message_that_is_being_answered_is_taken_back_and_the_conversation_goes_on(house: House) -> None:
    talker = house.talker()
    await talker.open()
    saying = await busy(house, talker, "Cancel it all.", "m-1")

    withdrawn = await talker.withdraw("m-1")
    with pytest.raises(RefusedError, match="message 'm-1' was taken back and is not answered"):
        await saying
    house.model.may.set()
    answer = await talker.say("Where is my mug?", message="m-2")
    told = await talker.read()

    assert withdrawn == Withdrawn(message="m-1", state="withdrawn")
    assert answer.text == "You said: Where is my mug?"
    assert [each.message for each in told.said] == ["m-2"]
    assert [message.content for message in house.model.requests[-1].messages[1:]] == ["Where is my mug?"]


async def test_a_message_that_waits_its_turn_is_taken_back_and_the_others_are_answered(house: House) -> None:
    talker = house.talker()
    await talker.open()
    first = await busy(house, talker, "One.", "m-1")
    second, third = (asyncio.create_task(talker.say(text, message=name)) for text, name in (("2", "m-2"), ("3", "m-3")))
    await until_waiting(talker, 2)

    await talker.withdraw("m-2")
    with pytest.raises(RefusedError, match="'m-2' was taken back"):
        await second
    house.model.may.set()
    answers = [await first, await third]

    assert [each.text for each in answers] == ["You said: One.", "You said: 3"]
    assert [each.message for each in (await talker.read()).said] == ["m-1", "m-3"]


async def test_it_may_be_said_again_and_is_answered_then(house: House) -> None:
    talker = house.talker()
    await talker.open()
    saying = await busy(house, talker, "Where is it?", "m-1")
    await talker.withdraw("m-1")
    with pytest.raises(RefusedError):
        await saying
    house.model.may.set()

    assert (await talker.say("Where is it?", message="m-1")).text == "You said: Where is it?"


async def test_what_steered_the_agent_is_to_be_said_again_when_the_message_before_it_is_taken_back(
    house: House,
) -> None:
    talker = house.talker()
    await talker.open(while_busy="steer")
    first = await busy(house, talker, "One.", "m-1")
    second = asyncio.create_task(talker.say("And two.", message="m-2"))
    await until_waiting(talker, 1)

    await talker.withdraw("m-1")

    with pytest.raises(RefusedError, match="'m-1' was taken back"):
        await first
    with pytest.raises(UnavailableError, match="'m-1', which was answered together with this one, was taken back"):
        await second


async def test_what_was_to_steer_the_agent_is_taken_back_before_it_is_heard_and_not_after(house: House) -> None:
    talker = house.talker()
    await talker.open(while_busy="steer")
    first = await busy(house, talker, "One.", "m-1")
    second = asyncio.create_task(talker.say("And two.", message="m-2"))
    await until_waiting(talker, 1)
    await talker.withdraw("m-2")
    with pytest.raises(RefusedError, match="'m-2' was taken back"):
        await second
    third = asyncio.create_task(talker.say("And three.", message="m-3"))
    await until_waiting(talker, 1)

    def hear_it_out(request: ModelRequest) -> ModelReply | None:
        house.model.may.clear()
        return None

    house.model.plays = hear_it_out
    house.model.asked.clear()
    house.model.may.set()
    await house.model.asked.wait()
    with pytest.raises(RefusedError, match="'m-3' is a part of what is being answered; take back the one before it"):
        await talker.withdraw("m-3")
    house.model.may.set()

    assert (await first).text == (await third).text == "You said: And three."


async def test_what_is_answered_or_unknown_cannot_be_taken_back(house: House) -> None:
    talker, stranger = house.talker(), house.talker("eve")
    await talker.open()
    await talker.say("Hello.", message="m-1")
    stranger.conversation = talker.conversation

    assert await talker.withdraw("m-1") == Withdrawn(message="m-1", state="answered")
    with pytest.raises(RefusedError, match="there is no message 'm-9' in conversation"):
        await talker.withdraw("m-9")
    with pytest.raises(RefusedError, match="there is no conversation"):
        await stranger.withdraw("m-1")
    await talker.close()
    with pytest.raises(RefusedError, match="is closed"):
        await talker.withdraw("m-9")


async def test_everybody_finds_their_own_conversations_and_no_other(house: House) -> None:
    ada, eve = f"ada-{uuid.uuid4().hex[:6]}", f"eve-{uuid.uuid4().hex[:6]}"
    old, new, foreign = house.talker(ada), house.talker(ada), house.talker(eve)
    for each in (old, foreign, new):
        await each.open()
    for number in range(4):  # It goes on as a new run after three.
        await old.say(f"{number}", message=f"m-{number}")
    await new.close()

    both = {(old.conversation, "open"), (new.conversation, "closed")}
    async with asyncio.timeout(30):  # Temporal shows it after a moment.
        while True:
            if {(each.conversation, each.state) for each in (await old.find(closed=True)).found} == both:
                break
            await asyncio.sleep(0.05)
    [only] = (await new.find()).found

    assert only == Found(conversation=old.conversation, state="open", opened=(await old.read()).opened)
    assert len((await old.find(closed=True, most=1)).found) == 1
    assert [each.conversation for each in (await foreign.find()).found] == [foreign.conversation]
    assert (await house.talker("nobody-at-all").find(closed=True)).found == ()


async def until_waiting(talker: Talker, count: int) -> None:
    """Wait until so many messages wait."""
    async with asyncio.timeout(30):
        while True:
            if (await talker.read(last=0)).waiting == count:
                return
            await asyncio.sleep(0.05)
