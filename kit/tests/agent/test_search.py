"""What a model is offered when there are more tools than an agent holds."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from callboard_kit.agent import (
    MOST_FOUND,
    MOST_OFFERED,
    MOST_OPENED,
    OPEN,
    SEARCH,
    Found,
    ListedTool,
    OperationTool,
    best_matches,
    listed,
)
from callboard_kit.agent.messages import ToolCall
from callboard_kit.agent.offer import Offer


def tool(operation: str, description: str = "") -> OperationTool:
    return OperationTool(
        service="desk.v1",
        operation=operation,
        endpoint="desk",
        description=description,
        parameters={"type": "object"},
        longest=timedelta(seconds=1),
    )


class Drawer:
    """A search of an agent's own, which finds everything in its order and opens the first."""

    def __init__(self, *tools: OperationTool) -> None:
        self.tools = {tool.operation: tool for tool in tools}
        self.opened: list[str] = []

    async def find(self, query: str) -> Found:
        return Found([listed(tool) for tool in self.tools.values()], list(self.tools.values())[:1])

    async def open(self, listed: Sequence[ListedTool]) -> list[OperationTool]:
        self.opened += [one.name for one in listed]
        return [self.tools[one.operation] for one in listed if one.operation in self.tools]


def offered(offer: Offer) -> list[str]:
    return [spec.name for spec in offer.specs]


async def told(offer: Offer, name: str, **arguments: object) -> dict[str, object]:
    finder = offer.find(name)
    assert finder is not None
    answer = await finder.call(arguments)
    assert isinstance(answer, dict)
    return answer


async def test_a_search_names_what_it_finds_and_offers_the_best_of_it():
    offer = Offer([tool("sign")], Drawer(tool("write_letters", "Write letters.\n\nBy hand."), tool("burn")))
    before = offered(offer)
    answer = await told(offer, SEARCH, query="letters")

    assert (before, SEARCH in offer.notice) == ([SEARCH, OPEN, "desk_v1__sign"], True)
    assert offered(offer) == [SEARCH, OPEN, "desk_v1__sign", "desk_v1__write_letters"]
    assert answer == {
        "tools": [
            {"name": "desk_v1__write_letters", "description": "Write letters.", "open": True},
            {"name": "desk_v1__burn", "description": "", "open": False},
        ]
    }


async def test_what_a_search_named_is_opened_on_demand_and_nothing_else_is():
    drawer = Drawer(tool("write"), tool("burn", "Burn letters.\n\nFor good."), tool("lose"))
    offer = Offer([], drawer)
    early = await told(offer, OPEN, names=["desk_v1__burn"])
    await told(offer, SEARCH, query="letters")
    del drawer.tools["lose"]
    answer = await told(offer, OPEN, names=["desk_v1__burn", "desk_v1__lose", "desk_v1__guessed", "desk_v1__burn"])

    assert early == {"tools": [], "unknown": ["desk_v1__burn"]}
    assert answer == {
        "tools": [{"name": "desk_v1__burn", "description": "Burn letters.\n\nFor good."}],
        "unknown": ["desk_v1__lose", "desk_v1__guessed"],
    }
    assert offered(offer) == [SEARCH, OPEN, "desk_v1__write", "desk_v1__burn"]
    assert drawer.opened == ["desk_v1__burn", "desk_v1__lose"]


async def test_what_is_found_again_stays_as_it_was_offered():
    offer = Offer([tool("sign", "the first description")], Drawer(tool("sign", "another description")))
    await told(offer, SEARCH, query="sign")

    found = offer.find("desk_v1__sign")
    assert found is not None
    assert found.spec.description == "the first description"


@pytest.mark.parametrize(("count", "searches"), [(MOST_OFFERED, False), (MOST_OFFERED + 1, True)])
def test_more_tools_than_fit_are_found_by_search(count, searches):
    offer = Offer([tool(f"write_{number}") for number in range(count)])

    assert (offered(offer) == [SEARCH, OPEN], bool(offer.notice)) == (searches, searches)


async def test_tools_that_an_agent_holds_are_named_and_opened_like_others():
    offer = Offer([tool(f"write_{number}", "Write.") for number in range(MOST_OFFERED + 1)])
    answer = await told(offer, SEARCH, query="write")
    tools = answer["tools"]
    assert isinstance(tools, list)
    await told(offer, OPEN, names=[tools[-1]["name"]])

    assert [one["open"] for one in tools] == [True] * MOST_OPENED + [False] * (MOST_FOUND - MOST_OPENED)
    assert offered(offer)[2:] == [*(one["name"] for one in tools[:MOST_OPENED]), tools[-1]["name"]]


def test_the_names_of_tools_to_open_are_read_like_any_arguments():
    offer = Offer([], Drawer(tool("write")))

    assert offer.read(ToolCall(id="1", name=OPEN, arguments='{"names": ["a"]}')) == {"names": ["a"]}


def test_the_best_match_is_named_like_the_words_and_then_described_like_them():
    tools = [tool("sign", "Sign letters."), tool("write_letters"), tool("burn"), tool("send_letter", "by post")]

    assert [found.operation for found in best_matches("post a letter", tools)] == [
        "send_letter",
        "write_letters",
        "sign",
    ]
    assert len(best_matches("letter", [tool(f"letter_{number}") for number in range(20)])) == MOST_FOUND
