"""A conversation goes to another team's specialist and back, and the customer sees one conversation."""

from collections.abc import AsyncIterator, Mapping

import pytest
from parlour import Converse, Garden, GardenService
from talkers import Echo, House

from callboard_contracts import Usage
from callboard_kit.agent import ModelReply, ModelRequest
from callboard_kit.policy import Policy, Rule
from callboard_kit.testing import LocalMesh, calling

OPEN = Policy(rules=(Rule(name="parlour", callers=("parlour",), services=("garden.v1",), on_behalf_of=("street",)),))


@pytest.fixture
async def gardener(parlour_mesh: LocalMesh) -> AsyncIterator[Echo]:
    await parlour_mesh.provision(("garden",))
    model = Echo()
    async with parlour_mesh.member(
        "garden",
        services=[GardenService()],
        workflows=[Converse],
        activities=[model.call_model],
        contracts=[Garden],
        policy=OPEN,
    ):
        yield model


def says(text: str) -> ModelReply:
    return ModelReply(content=text, model="played", usage=Usage(model_calls=1))


def calls(tool: str, arguments: Mapping[str, object]) -> ModelReply:
    call = calling(tool, arguments).model_copy(update={"id": "call_1"})
    return ModelReply(tool_calls=(call,), finish_reason="tool_calls", model="played", usage=Usage(model_calls=1))


def hands_over(request: ModelRequest) -> ModelReply | None:
    last = request.messages[-1]
    if last.role == "tool":
        return says("I hand you over.")
    if last.role == "user" and "rose" in (last.content or ""):
        facts = {"customer": "ada_1"}
        return calls("hand_over", {"team": "garden", "reason": "They ask about roses.", "facts": facts})
    return None


def gives_back(request: ModelRequest) -> ModelReply | None:
    last = request.messages[-1]
    if last.role == "tool":
        return says("Water it. Goodbye.")
    if "bye" in (last.content or ""):
        return calls("hand_back", {"answered": True, "reason": "settled", "facts": {"plant": "rose_7"}})
    if "invoice" in (last.content or ""):
        return calls("hand_back", {"answered": False, "reason": "not about plants"})
    return says("Roses like sun.")


async def test_the_specialist_answers_and_goes_on_until_they_give_it_back(house: House, gardener: Echo) -> None:
    house.model.plays, gardener.plays = hands_over, gives_back
    talker = house.talker()
    await talker.open()

    answers = [await talker.say(text) for text in ("Hello.", "My rose is ill.", "And now?", "Thanks, bye.", "Hello.")]

    assert [(each.team, each.text) for each in answers] == [
        ("parlour", "You said: Hello."),
        ("garden", "Roses like sun."),
        ("garden", "Roses like sun."),
        ("garden", "Water it. Goodbye."),
        ("parlour", "You said: Hello."),
    ]
    told = await talker.read()
    assert [each.team for each in told.said] == ["parlour", "garden", "garden", "garden", "parlour"]
    assert told.team == "parlour"


async def test_a_message_that_is_not_for_the_specialist_is_answered_by_who_gets_it_back(
    house: House, gardener: Echo
) -> None:
    house.model.plays, gardener.plays = hands_over, gives_back
    talker = house.talker()
    await talker.open()
    await talker.say("My rose is ill.")

    answer = await talker.say("Where is my invoice?")

    assert (answer.team, answer.text) == ("parlour", "You said: Where is my invoice?")
    heard = [message.content or "" for message in house.model.requests[-1].messages]
    assert "(The garden team gave the conversation back: not about plants)" in heard


async def test_only_what_both_teams_allow_goes_along(house: House, gardener: Echo) -> None:
    house.model.plays, gardener.plays = hands_over, gives_back
    talker = house.talker()
    await talker.open()
    await talker.say("A secret that is nobody's business.")
    await talker.say("My rose is ill.")

    heard = "\n".join(message.content or "" for message in gardener.requests[0].messages)

    assert "- customer: ada_1" in heard
    assert "Why you were asked: They ask about roses." in heard
    assert "secret" not in heard


async def test_a_specialist_who_may_not_be_asked_leaves_the_conversation_where_it_was(
    house: House, gardener: Echo, parlour_mesh: LocalMesh
) -> None:
    parlour_mesh.tell_policy("garden", Policy())
    house.model.plays = hands_over
    talker = house.talker()
    await talker.open()

    answer = await talker.say("My rose is ill.")

    assert answer.team == "parlour"
    heard = "\n".join(message.content or "" for message in house.model.requests[-1].messages)
    assert "The garden team could not go on with the conversation" in heard
    assert gardener.requests == []
