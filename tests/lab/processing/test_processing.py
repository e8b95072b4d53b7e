"""The short form of `python -m tests.lab.processing`, and proof that it finds what it is there to find."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from callboard_kit.processing.dead import DeadLetter
from tests.lab.processing.house import DESK, NOTES, POST, SHOP, Book, Question, Sold
from tests.lab.processing.trial import Findings, Plan, judge, run

pytestmark = pytest.mark.timeout(300)

GOOD = [("ada", Sold(sale="sale-0", number=1)), ("ada", Sold(sale="sale-1", number=2))]
BAD = ("bob", Sold(sale="bad-2", number=1))
WRONG = ("bob", Question(sale="wrong-3"))


async def test_every_event_is_handled_once_while_a_worker_is_killed(tmp_path: Path):
    workers = {"reader-1": POST, "reader-2": POST, "hands-1": POST, "shop": SHOP, "desk": DESK}
    plan = Plan(
        events=40,
        customers=8,
        wrong=0.1,
        bad=0.1,
        workers=workers,
        # Whoever dies with a workflow in hand is waited for by Temporal for ten seconds: that is for the long form.
        victims=("reader-1", "reader-2", "shop"),
        pause=(0.3, 0.6),
        servers=False,
        lease=1.0,
        patience=240,
    )

    findings = await run(tmp_path, plan)

    assert findings.faults == []
    assert sum(findings.dead.values()) + findings.handled == 40 + findings.redriven
    assert sum(findings.kills.values()) >= 1


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    book = Book(tmp_path)
    yield book
    book.store.close()


def noted(book: Book, *places: int) -> None:
    with book.store.writing() as connection:
        for place in places:
            sale = GOOD[place][1]
            connection.execute(insert(NOTES).values(customer="ada", redriven=0, **sale.model_dump()))


def letter(sale: str) -> DeadLetter:
    fields = {"data": json.dumps({"sale": sale})}
    return DeadLetter(id="1-1", publisher="shop", reason="no", tries=1, died=datetime.now(UTC), fields=fields)


CASES = {
    "all is well": ((0, 1), ("bad-2", "wrong-3"), []),
    "one was handled twice": ((0, 1, 1), ("bad-2", "wrong-3"), ["sale-1 was noted 2 times, not 1"]),
    "one was lost": ((0,), ("bad-2", "wrong-3"), ["sale-1 was noted 0 times, not 1"]),
    "one was handled and buried": ((0, 1), ("bad-2", "wrong-3", "sale-1"), ["sale-1 was dead 1 times, not 0"]),
    "a poison one was lost": ((0, 1), ("bad-2",), ["wrong-3 was dead 0 times, not 1"]),
    "one came too late": ((1, 0), ("bad-2", "wrong-3"), ["sale-0 of ada was noted too late"]),
}


@pytest.mark.parametrize(("places", "dead", "faults"), CASES.values(), ids=CASES)
def test_what_went_wrong_is_found_out(
    book: Book, places: tuple[int, ...], dead: tuple[str, ...], faults: list[str]
) -> None:
    noted(book, *places)
    findings = Findings(Plan())
    judge([*GOOD, BAD, WRONG], book, [letter(sale) for sale in dead], findings)

    assert [each for each in findings.faults if each in faults] == faults
    assert bool(findings.faults) == bool(faults)
