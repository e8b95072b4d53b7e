"""A conversation answers each message once, in order, for whoever opened it, however long it lasts."""

import asyncio
from collections.abc import Callable

import pytest
import waiting
from talkers import House, Talker

from callboard_contracts import RefusedError, UnavailableError
from callboard_contracts.conversations import Transcript


async def test_it_remembers_what_was_said_before(house: House) -> None:
    talker = house.talker()
    await talker.open()

    await talker.say("I am Ada.")
    answer = await talker.say("Where is my mug?")

    assert answer.text == "You said: Where is my mug?"
    assert [message.content for message in house.model.requests[-1].messages[1:]] == [
        "I am Ada.",
        "You said: I am Ada.",
        "Where is my mug?",
    ]


async def test_the_same_message_twice_is_answered_once_and_the_same(house: House) -> None:
    talker = house.talker()
    await talker.open()

    first = await talker.say("I am Ada.", message="m-1")
    again = await talker.say("I am Ada.", message="m-1")

    assert again == first
    assert len(house.model.requests) == 1


async def test_a_name_used_for_other_words_is_refused(house: House) -> None:
    talker = house.talker()
    await talker.open()
    await talker.say("I am Ada.", message="m-1")

    with pytest.raises(RefusedError, match="'m-1' was sent before with other words"):
        await talker.say("I am Bea.", message="m-1")


async def test_it_goes_on_as_new_runs_and_forgets_nothing(house: House) -> None:
    talker = house.talker()
    await talker.open()

    answers = [await talker.say(f"This is {number}.", message=f"m-{number}") for number in range(7)]
    again = await talker.say("This is 0.", message="m-0")
    told = await talker.read()

    assert again == answers[0]
    assert [each.message for each in told.said] == [f"m-{number}" for number in range(7)]
    assert told.messages == 7
    assert len(house.model.requests) == 7
    assert await runs_of(house, talker.conversation) == 2


async def test_an_answer_that_can_not_be_found_is_not_made_up(house: House) -> None:
    talker = house.talker()
    await talker.open()
    for number in range(6):
        await talker.say(f"This is {number}.", message=f"m-{number}")
    await waiting.until(lambda: set().union(*house.history.kept.values()) >= {1, 2, 3, 4, 5, 6})
    house.history.kept.clear()

    with pytest.raises(UnavailableError, match="'m-0' was answered, but its answer cannot be found"):
        await talker.say("This is 0.", message="m-0")
    assert (await talker.say("This is 5.", message="m-5")).text == "You said: This is 5."


async def test_messages_that_come_while_it_is_busy_wait_their_turn(house: House) -> None:
    talker = house.talker()
    await talker.open(while_busy="enqueue")
    house.model.may.clear()
    house.model.asked.clear()
    first = asyncio.create_task(talker.say("First."))
    await asyncio.wait_for(house.model.asked.wait(), 5)
    second = asyncio.create_task(talker.say("Second."))
    await until_waiting(talker, 1)
    house.model.may.set()

    assert [(await first).text, (await second).text] == ["You said: First.", "You said: Second."]


async def test_a_busy_conversation_refuses_where_it_was_opened_to(house: House) -> None:
    talker = house.talker()
    await talker.open(while_busy="reject")
    house.model.may.clear()
    house.model.asked.clear()
    first = asyncio.create_task(talker.say("First.", message="m-1"))
    await asyncio.wait_for(house.model.asked.wait(), 5)

    with pytest.raises(RefusedError, match="is busy with another message"):
        await talker.say("Second.")
    house.model.may.set()

    assert (await first).text == "You said: First."


async def test_an_agent_at_work_is_steered_and_answers_both(house: House) -> None:
    talker = house.talker()
    await talker.open(while_busy="steer")
    house.model.may.clear()
    house.model.asked.clear()
    first = asyncio.create_task(talker.say("Cancel it.", message="m-1"))
    await asyncio.wait_for(house.model.asked.wait(), 5)
    second = asyncio.create_task(talker.say("No, wait.", message="m-2"))
    await until_waiting(talker, 1)
    house.model.may.set()

    assert (await first).text == (await second).text == "You said: No, wait."
    assert ((await first).message, (await second).message) == ("m-1", "m-2")
    assert [each.message for each in (await talker.read()).said] == ["m-1", "m-2"]


async def test_a_message_sent_twice_at_once_is_one(house: House) -> None:
    talker = house.talker()
    await talker.open()

    first, second = await asyncio.gather(talker.say("Once.", message="m-1"), talker.say("Once.", message="m-1"))

    assert first == second
    assert len(house.model.requests) == 1


async def test_what_was_said_is_answered_before_it_closes_and_nothing_after(house: House) -> None:
    talker = house.talker()
    await talker.open()
    house.model.may.clear()
    house.model.asked.clear()
    said = asyncio.create_task(talker.say("Last words.", message="m-1"))
    await asyncio.wait_for(house.model.asked.wait(), 5)
    closing = asyncio.create_task(talker.close("settled"))
    await until(talker, lambda told: told.state == "closed")
    with pytest.raises(RefusedError, match="is closed; open another"):
        await talker.say("Too late.")
    house.model.may.set()

    assert (await said).text == "You said: Last words."
    assert (await closing).closed_because == "settled"
    assert (await talker.close()).closed_because == "settled"
    assert (await talker.read()).said[0].answer == "You said: Last words."
    with pytest.raises(RefusedError, match="is closed; open another"):
        await talker.say("Much too late.")
    with pytest.raises(RefusedError, match="was closed; open one with another name"):
        await talker.open()


async def test_it_closes_by_itself_when_nobody_says_anything(house: House) -> None:
    talker = house.talker()
    await talker.open(idle_seconds=1)
    await talker.say("Hello.")

    told = await until(talker, lambda told: told.state == "closed")

    assert told.closed_because == "idle"
    assert told.messages == 1


async def test_nobody_else_can_tell_that_it_is_there(house: House) -> None:
    talker = house.talker("ada")
    await talker.open()
    stranger = house.talker("eve", talker.conversation)

    for attempt in (stranger.say("Hello?"), stranger.read(), stranger.close()):
        with pytest.raises(RefusedError, match=r"there is no conversation .* of yours; open one first"):
            await attempt
    assert (await talker.read()).state == "open"


async def test_what_its_model_cannot_read_any_more_is_summarised(house: House) -> None:
    talker = house.talker()
    await talker.open()

    for number in range(4):
        await talker.say(f"{number} " + "word " * 60)
    asked = [request.messages[0].content or "" for request in house.model.requests]
    last = [message.content or "" for message in house.model.requests[-1].messages[1:]]

    assert any(text.startswith("You keep the minutes") for text in asked)
    assert last[0].startswith("Notes on what was said before")
    assert sum(len(text) for text in last) < 4 * 600


async def test_it_answers_while_its_history_is_away_and_keeps_what_was_said_later(house: House) -> None:
    talker = house.talker()
    await talker.open()
    house.history.away = True
    answers = [await talker.say(f"This is {number}.", message=f"m-{number}") for number in range(4)]
    house.history.away = False
    await talker.say("This is 4.", message="m-4")

    await waiting.until(lambda: set().union(*house.history.kept.values()) == {1, 2, 3, 4, 5})
    assert [answer.text for answer in answers] == [f"You said: This is {number}." for number in range(4)]


async def test_an_answer_that_failed_can_be_asked_for_again_under_the_same_name(house: House) -> None:
    talker = house.talker()
    await talker.open()
    house.model.broken = True
    with pytest.raises(UnavailableError, match="the model says no"):
        await talker.say("Hello.", message="m-1")
    house.model.broken = False

    assert (await talker.say("Hello.", message="m-1")).text == "You said: Hello."
    assert (await talker.read()).messages == 1


async def until(talker: Talker, reached: Callable[[Transcript], bool]) -> Transcript:
    """Wait until a conversation stands so."""
    for _ in range(200):
        if reached(told := await talker.read()):
            return told
        await asyncio.sleep(0.02)
    raise AssertionError(f"the conversation stays as {told}")


async def until_waiting(talker: Talker, count: int) -> None:
    """Wait until so many messages wait."""
    await until(talker, lambda told: told.waiting == count)


async def runs_of(house: House, conversation: str) -> int:
    """Return how many runs a conversation has had."""
    client = await house.mesh.bare_client("parlour")
    for key in house.history.kept:
        [id] = {run.id async for run in client.list_workflows("WorkflowType = 'Conversation'") if run.id.endswith(key)}
        handle = client.get_workflow_handle(id)
        if (await handle.execute_update("look", 0, result_type=Transcript)).conversation == conversation:
            described = await handle.describe()
            started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
            return 1 if started.first_execution_run_id == described.run_id else 2
    raise AssertionError(f"nothing was kept of {conversation}")
