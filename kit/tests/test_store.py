from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, insert, select

from callboard_contracts import Message, RefusedError
from callboard_kit.store import Store, asked_text

METADATA = MetaData()
NOTES = Table("notes", METADATA, Column("id", Integer, primary_key=True), Column("text", String, nullable=False))


class Noted(Message):
    count: int


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'deep' / 'notes.db'}", METADATA)
    yield store
    store.close()


def write(connection: Connection) -> Noted:
    connection.execute(insert(NOTES).values(text="once"))
    return Noted(count=count(connection))


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(NOTES)).scalar_one()


def test_the_same_key_gives_the_first_result_and_no_second_effect(store: Store):
    first = store.once("k", "a", Noted, write)
    second = store.once("k", "a", Noted, write)

    assert (first, second) == (Noted(count=1), Noted(count=1))
    assert store.done("k", "a", Noted) == first
    with store.reading() as connection:
        assert count(connection) == 1


def test_a_key_used_for_something_else_is_refused(store: Store):
    store.once("k", "a", Noted, write)

    with pytest.raises(RefusedError, match="'k' was used before"):
        store.once("k", "b", Noted, write)


class Wanted(Message):
    what: str
    note: str | None = None
    urgent: bool = False
    """As if a later revision had added it."""


def test_a_request_is_the_same_text_whether_what_goes_without_saying_is_said():
    said = Wanted.model_validate({"what": "tea", "note": None, "urgent": False})

    assert asked_text(said) == asked_text(Wanted(what="tea")) == '{"what":"tea"}'
    assert asked_text(Wanted(what="tea", urgent=True)) != asked_text(said)


def test_an_effect_that_raises_leaves_neither_rows_nor_its_key(store: Store):
    def fail(connection: Connection) -> Noted:
        write(connection)
        raise RefusedError("no")

    with pytest.raises(RefusedError):
        store.once("k", "a", Noted, fail)

    assert store.done("k", "a", Noted) is None
    with store.reading() as connection:
        assert count(connection) == 0


def test_many_at_once_with_one_key_have_one_effect(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'notes.db'}"
    start, results = Barrier(8), list[Noted]()

    def deliver() -> None:
        store = Store(url, METADATA)  # Each is a process of its own, as far as SQLite can tell.
        start.wait(5)
        results.append(store.once("k", "a", Noted, write))
        store.close()

    threads = [Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert results == [Noted(count=1)] * 8


def test_replacing_everything_forgets_what_was_done(store: Store):
    store.once("k", "a", Noted, write)

    store.replace({NOTES: [{"id": 7, "text": "new"}]})

    with store.reading() as connection:
        assert [tuple(row) for row in connection.execute(select(NOTES))] == [(7, "new")]
    assert store.done("k", "a", Noted) is None
