"""A team's own records in one SQLite file, where every effect happens once per idempotency key.

The key and its result are written in the transaction of the effect itself, so whoever comes a second time (a retried
activity, a call delivered twice, a call sent again long after Temporal forgot the first) meets the first result.
Needs the extra `callboard-kit[store]`.
"""

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from callboard_contracts import RefusedError

BUSY_TIMEOUT_MS: Final = 5_000
"""How long a transaction waits for another writer before SQLite says that the database is locked."""

_BEGIN: Final = "callboard_begin"
_effects_metadata = MetaData()
_effects = Table(
    "effects",
    _effects_metadata,
    Column("key", String, primary_key=True),
    Column("asked", String(64), nullable=False),
    Column("result", Text, nullable=False),
)

_fences = Table(
    "fences",
    _effects_metadata,
    Column("lock", String, primary_key=True),
    Column("token", BigInteger, nullable=False),
)

ResultT = TypeVar("ResultT", bound=BaseModel)


class Store:
    """The records of one team. Thread-safe; whoever opens it closes it.

    A room's store holds one of these and gives it the room's tables. The file and the tables are made when missing.
    """

    def __init__(self, url: str, tables: MetaData) -> None:
        database = make_url(url).database
        if database and database != ":memory:":
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        self._tables = tables
        self._engine = _sqlite_engine(url)
        with self.writing() as connection:
            tables.create_all(connection)
            _effects_metadata.create_all(connection)

    def close(self) -> None:
        """Close every connection to the file."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Generator[Connection, None, None]:
        """Give a connection that sees one consistent state."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection, None, None]:
        """Give a connection inside the only write transaction: commits at the end, rolls back on any exception."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def once(
        self,
        key: str,
        asked: str,
        result_type: type[ResultT],
        effect: Callable[[Connection], ResultT],
        *,
        fences: Mapping[str, int] | None = None,
    ) -> ResultT:
        """Run `effect` in one transaction with `key`, or return what it returned the first time.

        `asked` is the request as text; it must be the same whenever the same is asked. An `effect` that raises leaves
        no trace, its key included. With `fences` (what `mesh.fences` gives) it does not happen once somebody who held
        one of those locks later has written.

        Raises:
            RefusedError: The key was used before to ask for something else, or a lock was lost meanwhile.
        """
        with self.writing() as connection:
            done = _find(connection, key, _digest(asked))
            if done is not None:
                return result_type.model_validate_json(done)
            require_fences(connection, fences or {})
            result = effect(connection)
            connection.execute(insert(_effects).values(key=key, asked=_digest(asked), result=result.model_dump_json()))
            return result

    def done(self, key: str, asked: str, result_type: type[ResultT]) -> ResultT | None:
        """Return the first result of `key`, or None when it has had no effect so far.

        Raises:
            RefusedError: The key was used before to ask for something else.
        """
        with self.reading() as connection:
            done = _find(connection, key, _digest(asked))
        return None if done is None else result_type.model_validate_json(done)

    def replace(self, rows: Mapping[Table, Iterable[Mapping[str, object]]]) -> None:
        """Put `rows` in the place of everything the file holds, effects included, in one transaction."""
        filled: list[tuple[Table, Sequence[Mapping[str, object]]]] = [(table, list(r)) for table, r in rows.items()]
        with self.writing() as connection:
            for table in (*reversed(self._tables.sorted_tables), _effects, _fences):
                connection.execute(delete(table))
            for table, records in filled:
                if records:
                    connection.execute(insert(table), list(records))

    @contextmanager
    def _transaction(self, begin: str) -> Generator[Connection, None, None]:
        with self._engine.connect().execution_options(**{_BEGIN: begin}) as connection, connection.begin():
            yield connection


def asked_text(request: BaseModel) -> str:
    """Return a request as the text that `Store.once` compares: the same for the same request, in every revision.

    What is as its contract has it where nothing is said stays out. So it makes no difference whether a caller wrote it
    out, nor whether the contract has had that field for long.
    """
    return request.model_dump_json(exclude_defaults=True, exclude_none=True)


def etag_of(record: BaseModel) -> str:
    """Return what stands for a record, its own `etag` apart: the same for the same content, another for any other."""
    content = record.model_dump(mode="json", exclude={"etag"}, exclude_none=True)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def require_fences(connection: Connection, fences: Mapping[str, int]) -> None:
    """Note in this transaction who writes under which locks.

    Raises:
        RefusedError: Somebody who held one of the locks later has written before.
    """
    for lock, token in fences.items():
        last = connection.execute(select(_fences.c.token).where(_fences.c.lock == lock)).scalar_one_or_none()
        if last is not None and last > token:
            raise RefusedError(f"the lock {lock!r} was lost to somebody else meanwhile; nothing was written")
        if last is None:
            connection.execute(insert(_fences).values(lock=lock, token=token))
        elif last < token:
            connection.execute(update(_fences).where(_fences.c.lock == lock).values(token=token))


def _find(connection: Connection, key: str, asked: str) -> str | None:
    row = connection.execute(select(_effects.c.asked, _effects.c.result).where(_effects.c.key == key)).one_or_none()
    if row is None:
        return None
    if row.asked != asked:
        raise RefusedError(
            f"key {key!r} was used before to ask for something else: give every request a key of its own"
        )
    return str(row.result)


def _digest(asked: str) -> str:
    return hashlib.sha256(asked.encode()).hexdigest()


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own transactions begin too late for a consistent read; `begin` below starts them instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        # First the patience: switching to WAL may already meet another process that does the same.
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        # An effect that Temporal believes in must survive a power cut, not only a crash of the process.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(str(connection.get_execution_options().get(_BEGIN, "BEGIN")))

    return engine
