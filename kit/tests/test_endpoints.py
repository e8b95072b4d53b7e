"""Which endpoints exist is asked of Temporal seldom, and never answered from what is too old."""

import asyncio
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec
from temporalio.api.operatorservice.v1 import ListNexusEndpointsRequest, ListNexusEndpointsResponse
from temporalio.service import RPCError, RPCStatusCode

from callboard_kit import endpoints
from callboard_kit.endpoints import EndpointBook
from callboard_kit.seen import Seen


class ScriptedOperatorService:
    """Answers from a list of names, a page at a time, and remembers how often it was asked."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.fails = False
        self.asked = 0

    async def list_nexus_endpoints(
        self,
        request: ListNexusEndpointsRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109 - as in Temporal's client
    ) -> ListNexusEndpointsResponse:
        await asyncio.sleep(0)
        if self.fails:
            raise RPCError("not for you", RPCStatusCode.PERMISSION_DENIED, b"")
        start = int(request.next_page_token or b"0")
        self.asked += start == 0
        page = self.names[start : start + 2]
        more = start + 2 < len(self.names)
        return ListNexusEndpointsResponse(
            endpoints=[Endpoint(spec=EndpointSpec(name=name)) for name in page],
            next_page_token=str(start + 2).encode() if more else b"",
        )


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> ScriptedOperatorService:
    monkeypatch.setattr(endpoints, "SHORTEST_AGE", timedelta(seconds=0.05))
    return ScriptedOperatorService("orders", "billing", "support")


@pytest.fixture
def book(service: ScriptedOperatorService) -> EndpointBook:
    client: Any = SimpleNamespace(operator_service=service)  # Any: stands for a whole client
    return EndpointBook(client)


async def test_an_endpoint_that_exists_is_asked_for_once(book: EndpointBook, service: ScriptedOperatorService) -> None:
    assert [await book.exists(name) for name in ("orders", "support", "orders", "billing")] == [True] * 4
    assert service.asked == 1


async def test_many_who_ask_at_once_all_hear_the_truth_from_one_question(
    book: EndpointBook, service: ScriptedOperatorService
) -> None:
    answers = await asyncio.gather(*(book.exists(name) for name in ("orders", "support", "nobody") * 10))

    assert answers == [True, True, False] * 10
    assert service.asked <= 2


async def test_an_endpoint_that_was_made_a_moment_ago_is_found(
    book: EndpointBook, service: ScriptedOperatorService
) -> None:
    assert not await book.exists("shipping")
    service.names.append("shipping")

    assert await book.exists("shipping")


async def test_an_unknown_endpoint_makes_nobody_ask_more_than_so_often(
    book: EndpointBook, service: ScriptedOperatorService, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(endpoints.asyncio, "sleep", wait)
    monkeypatch.setattr(endpoints, "SHORTEST_AGE", timedelta(seconds=30))
    for _ in range(3):
        await book.exists("nobody")

    assert waits[0] == 0.0
    assert all(29 < seconds <= 30 for seconds in (each for each in waits if each))


async def test_an_endpoint_that_is_gone_is_believed_in_for_a_while_only(
    book: EndpointBook, service: ScriptedOperatorService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await book.exists("orders")
    service.names.remove("orders")
    assert await book.exists("orders")

    monkeypatch.setattr(endpoints, "LONGEST_AGE", timedelta(0))
    assert not await book.exists("orders")


async def test_who_may_not_ask_goes_unchecked(book: EndpointBook, service: ScriptedOperatorService) -> None:
    service.fails = True

    assert await book.exists("whatever")

    service.fails = False
    assert not await book.exists("whatever")


async def test_what_was_seen_is_what_exists_of_what_is_wanted(book: EndpointBook) -> None:
    seen = await book.seen(["support", "nobody", "billing"])

    assert seen.names == ("billing", "support")
    assert seen.still("support", now=time.time())
    assert not seen.still("orders", now=time.time())


async def test_what_was_seen_long_ago_is_believed_no_more(book: EndpointBook) -> None:
    seen = await book.seen(["support"])

    assert not seen.still("support", now=time.time() + 61)
    assert not seen.still("support", now=time.time() - 61)


async def test_nothing_is_seen_where_nobody_may_look(book: EndpointBook, service: ScriptedOperatorService) -> None:
    service.fails = True

    assert await book.seen(["support"]) == Seen()


async def test_many_workflows_that_start_make_it_look_once(
    book: EndpointBook, service: ScriptedOperatorService
) -> None:
    await asyncio.gather(*(book.seen(["support"]) for _ in range(20)))

    assert service.asked == 1
