"""The database, and the two kinds of transaction on it."""

import sqlite3
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Final, cast

import psycopg
from sqlalchemy import Connection, Engine, Executable, Table, create_engine, event, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from callboard_registry.migrations import upgrade

LONGEST_WAIT: Final = 10
"""Seconds that a transaction waits for its turn to write."""

_TRUSTED: Final = 1.0
"""Seconds for which a connection that was in use is taken to be there still."""

_IDLE_SINCE: Final = "callboard_idle_since"
_WRITES: Final = "callboard_writes"
_WRITE_LOCK: Final = 0x43414C4C
"""Which of a PostgreSQL database's advisory locks is the registry's."""


class Database:
    """A SQLite file in WAL mode, or a PostgreSQL database; any number of threads may read while one writes.

    What a transaction wrote is on the disk when `writing` is left, so neither SIGKILL nor a power cut takes it back.
    Writers take turns, also those of other processes: whatever is numbered becomes visible in the order of its
    numbers, and whoever reads on from the last number misses nothing.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = self._asking = engine
        if engine.dialect.name == "postgresql":
            # As SQLite does it: every statement of a reader sees the same state.
            self._reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            # A statement alone sees one state as well, without two more ways to the server and back.
            self._asking = engine.execution_options(isolation_level="AUTOCOMMIT")

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open the database at `url` (a SQLAlchemy URL) and bring its tables up to date.

        Raises:
            sqlalchemy.exc.DatabaseError: It cannot be opened or written.
            callboard_registry.migrations.NewerError: A newer registry has worked with it.
        """
        parsed = make_url(url)
        postgresql = parsed.get_backend_name() == "postgresql"
        engine = _postgresql(parsed) if postgresql else _sqlite(parsed)
        event.listen(engine, "begin", _begin_postgresql if postgresql else _begin_sqlite)
        database = cls(engine)
        try:
            with database.writing() as connection:
                upgrade(connection)
        except BaseException:
            engine.dispose()
            raise
        return database

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One transaction that sees the database as it is now."""
        with self._reading.begin() as connection:
            yield connection

    @contextmanager
    def asking(self) -> Generator[Connection]:
        """As `reading`, for a single statement: whatever follows it may see a later state."""
        with self._asking.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, *, keep: bool = True) -> Generator[Connection]:
        """One transaction that waits until it is the only writer; kept as a whole, or not at all if it raises.

        Without `keep` it is never kept: it tells what would be.
        """
        with self._engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin() as change:
            yield connection
            if not keep:
                change.rollback()

    def check(self) -> None:
        """Do nothing if the database answers.

        Raises:
            sqlalchemy.exc.OperationalError: It does not.
        """
        with self.reading() as connection:
            connection.execute(select(1))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def upsert(connection: Connection, table: Table, row: Mapping[str, object], *, key: Sequence[str]) -> Executable:
    """Return a statement that puts `row` into `table`, in the place of the row with the same `key` if there is one."""
    # Both databases know "on conflict do update", and SQLAlchemy has it with each of them.
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    others = {name: value for name, value in row.items() if name not in key}
    return insert(table).values(row).on_conflict_do_update(index_elements=key, set_=others)


def upsert_all(connection: Connection, table: Table, *, key: Sequence[str]) -> Executable:
    """Return a statement to be executed with any number of whole rows, each put in the place of one with its `key`."""
    insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)
    others = {column.name: insert.excluded[column.name] for column in table.c if column.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=others)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": LONGEST_WAIT})
    event.listen(engine, "connect", _prepare)
    return engine


def _postgresql(url: URL) -> Engine:
    options = (
        f"-c synchronous_commit=on -c timezone=UTC -c lock_timeout={LONGEST_WAIT}s -c statement_timeout={LONGEST_WAIT}s"
    )
    # Other drivers may be named in the URL, but only this one is installed with the registry.
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": LONGEST_WAIT, "options": options}
    )
    event.listen(engine, "checkin", _lay_down)
    event.listen(engine, "checkout", _replace_if_lost)
    return engine


def _lay_down(_: object, record: ConnectionPoolEntry) -> None:
    record.info[_IDLE_SINCE] = time.monotonic()


def _replace_if_lost(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
    # A connection that was lost while it lay idle is replaced instead of failing the next call. Asking costs as much
    # as a small statement, so one that was in use just now is not asked.
    since = cast(float | None, record.info.get(_IDLE_SINCE))
    if since is None or time.monotonic() - since < _TRUSTED:
        return
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except psycopg.OperationalError as error:
        raise DisconnectionError from error


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # The driver's own idea of when a transaction begins is in the way; `_begin_sqlite` says it instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turned writer half-way could find its snapshot outdated; writers say so from the start.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITE_LOCK})
