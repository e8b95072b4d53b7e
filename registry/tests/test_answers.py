"""An answer is given again for a moment, and never from before a change that was acknowledged."""

import asyncio

import pytest

from callboard_registry import answers as module
from callboard_registry.answers import Answers
from callboard_registry_api.v1 import registry_pb2 as pb


class Work:
    """Works an answer out when it is let."""

    def __init__(self) -> None:
        self.times = 0
        self.may = asyncio.Event()
        self.may.set()
        self.size = 1

    async def __call__(self) -> pb.GetListingResponse:
        self.times += 1
        number = self.times
        await self.may.wait()
        return pb.GetListingResponse(listing=pb.Listing(number=number, document=b"x" * self.size))


async def asked(answers: Answers, work: Work, question: bytes = b"?") -> int:
    return (await answers.to(question, work)).listing.number


async def test_who_asks_the_same_within_a_moment_gets_the_same():
    answers, work = Answers(), Work()

    assert [await asked(answers, work) for _ in range(3)] == [1, 1, 1]
    assert await asked(answers, work, b"something else") == 2


async def test_a_change_is_seen_by_whoever_asks_after_it():
    answers, work = Answers(), Work()
    work.may.clear()
    before = asyncio.ensure_future(asked(answers, work))
    await asyncio.sleep(0)
    answers.forget()
    after = asyncio.ensure_future(asked(answers, work))
    await asyncio.sleep(0)
    work.may.set()

    # What was begun before the change reaches only those who had asked before it.
    assert (await before, await after, await asked(answers, work)) == (1, 2, 2)


async def test_an_old_answer_is_given_to_nobody(monkeypatch):
    answers, work = Answers(), Work()
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    first = await asked(answers, work)
    now[0] += module.LONGEST.total_seconds()

    assert (first, await asked(answers, work)) == (1, 2)


async def test_many_who_ask_at_once_wait_for_one_answer_and_who_goes_away_takes_it_from_nobody():
    answers, work = Answers(), Work()
    work.may.clear()
    waiting = [asyncio.ensure_future(asked(answers, work)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    work.may.set()

    assert await asyncio.gather(*waiting[1:]) == [1] * 4
    assert work.times == 1


async def test_a_failure_and_a_long_answer_are_not_kept():
    answers, work = Answers(), Work()

    async def fail() -> pb.GetListingResponse:
        raise LookupError("no")

    with pytest.raises(LookupError):
        await answers.to(b"?", fail)
    work.size = module._LARGEST
    numbers = [await asked(answers, work), await asked(answers, work)]

    assert numbers == [1, 2]


async def test_no_more_answers_are_kept_than_fit():
    answers, work = Answers(), Work()
    for number in range(module._MOST + 1):
        await asked(answers, work, b"%d" % number)

    assert await asked(answers, work, b"%d" % module._MOST) == module._MOST + 1
    assert await asked(answers, work, b"0") == module._MOST + 2


async def test_what_was_published_or_moved_is_what_is_got(client, document):
    for longest in range(1, 20):
        published = await client.publish_listing(document(longest=longest))
        assert (await client.get_listing("shop.v1")).digest == published.digest
    await client.set_state("shop.v1", published.digest, "approved")

    assert (await client.get_listing("shop.v1")).state == "approved"
