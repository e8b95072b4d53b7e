"""What a model is offered when there are more tools than an agent holds."""

from datetime import timedelta

import pytest

from callboard_kit.agent import MOST_FOUND, MOST_OFFERED, SEARCH, OperationTool, best_matches
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


def offered(offer: Offer) -> list[str]:
    return [spec.name for spec in offer.specs]


async def test_a_search_of_ones_own_finds_tools_that_the_agent_did_not_hold():
    async def search(query: str) -> list[OperationTool]:
        return [tool(f"{query}_letters"), tool("sign", "another description")]

    offer = Offer([tool("sign", "the first description")], search)
    before, notice = offered(offer), offer.notice
    finder = offer.find(SEARCH)
    assert finder is not None
    told = await finder.call({"query": "write"})

    assert (before, SEARCH in notice) == ([SEARCH, "desk_v1__sign"], True)
    assert offered(offer) == [SEARCH, "desk_v1__sign", "desk_v1__write_letters"]
    assert told == {
        "tools": [
            {"name": "desk_v1__write_letters", "description": ""},
            {"name": "desk_v1__sign", "description": "another description"},
        ]
    }
    found = offer.find("desk_v1__sign")
    assert found is not None
    assert found.spec.description == "the first description"


@pytest.mark.parametrize(("count", "searches"), [(MOST_OFFERED, False), (MOST_OFFERED + 1, True)])
def test_more_tools_than_fit_are_found_by_search(count, searches):
    offer = Offer([tool(f"write_{number}") for number in range(count)])

    assert (offered(offer) == [SEARCH], bool(offer.notice)) == (searches, searches)


def test_the_best_match_is_named_like_the_words_and_then_described_like_them():
    tools = [tool("sign", "Sign letters."), tool("write_letters"), tool("burn"), tool("send_letter", "by post")]

    assert [found.operation for found in best_matches("post a letter", tools)] == [
        "send_letter",
        "write_letters",
        "sign",
    ]
    assert len(best_matches("letter", [tool(f"letter_{number}") for number in range(20)])) == MOST_FOUND
