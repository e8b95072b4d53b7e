"""The database file, and the two kinds of transaction on it."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.pool import ConnectionPoolEntry

from callboard_registry.tables import metadata

_WRITES: Final = "callboard_writes"


class Database:
    """A SQLite file in WAL mode. May be used from several threads: any number read while one writes.

    What a transaction wrote is on the disk when `writing` is left, so neither SIGKILL nor a power cut takes it back.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open the file at `url` (a SQLAlchemy URL) and make the tables that are missing.

        Raises:
            sqlalchemy.exc.OperationalError: The file cannot be opened or written.
        """
        engine = create_engine(url, connect_args={"timeout": 10})
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        database = cls(engine)
        with database.writing() as connection:
            metadata.create_all(connection)
        return database

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One transaction that sees the database as it is now."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """One transaction that waits until it is the only writer; kept as a whole, or not at all if it raises."""
        with self._engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

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


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # The driver's own idea of when a transaction begins is in the way; `_begin` says it instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    # A reader that turned writer half-way could find its snapshot outdated; writers say so from the start.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
