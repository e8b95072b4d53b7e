"""Stories in the database."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, RowMapping, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from callboard_registry.database import Database
from callboard_registry.stories.model import Execution, Happening, Story
from callboard_registry.tables import calls, executions, happenings

_EXECUTION: Final = ("namespace", "run_id")
_HAPPENING: Final = ("namespace", "run_id", "number")
_PRUNED_AT_ONCE: Final = 500
_LONGEST: Final = 1000


class Stories:
    """Keeps stories, and lets go of them when they are old."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, stories: Sequence[Story]) -> None:
        """Keep what is told; what was told of before takes the newer form."""
        if not stories:
            return
        with self._database.writing() as connection:
            _put(connection, executions, [_execution(each.execution) for each in stories], key=_EXECUTION)
            rows = [_happening(story.execution, each) for story in stories for each in story.happenings]
            _put(connection, happenings, rows, key=_HAPPENING)

    def of(self, root: str, *, most: int) -> tuple[list[Execution], Mapping[str, list[Happening]], bool]:
        """Return the runs of a tree, what happened in each by its run id, and whether that is all of it."""
        runs = select(executions).where(executions.c.root == root).order_by(executions.c.started).limit(most)
        things = (
            select(happenings)
            .where(happenings.c.root == root)
            .order_by(happenings.c.at, happenings.c.number)
            .limit(most + 1)
        )
        with self._database.reading() as connection:
            found = [_as_execution(row) for row in connection.execute(runs).mappings()]
            rows = connection.execute(things).mappings().all()
        happened: dict[str, list[Happening]] = {}
        for row in rows[:most]:
            happened.setdefault(row["run_id"], []).append(_as_happening(row))
        return found, happened, len(rows) <= most

    def state(self, root: str) -> str:
        """Return a text that is another one when something else is known of a tree than before."""
        what, whose = happenings.c, executions.c
        inside = (
            func.count(),
            func.count(what.ended),
            func.max(what.at),
            func.max(what.ended),
            func.sum(what.attempts),
        )
        queries = (
            select(*inside).where(what.root == root),
            select(func.count(), func.count(whose.ended), func.max(whose.ended)).where(whose.root == root),
            select(func.max(calls.c.sequence)).where(calls.c.root == root),
        )
        with self._database.reading() as connection:
            known = [tuple(connection.execute(query).one()) for query in queries]
        return hashlib.sha256(repr(known).encode()).hexdigest()[:16]

    def prune(self, before: datetime) -> int:
        """Drop the stories of runs that were over before then, and return how many runs."""
        pruned = 0
        while True:
            # In parts, so that others get their turn in between.
            with self._database.writing() as connection:
                old = select(executions.c.run_id).where(executions.c.ended < before).limit(_PRUNED_AT_ONCE)
                gone = list(connection.scalars(old))
                connection.execute(delete(happenings).where(happenings.c.run_id.in_(gone)))
                connection.execute(delete(executions).where(executions.c.run_id.in_(gone)))
            pruned += len(gone)
            if len(gone) < _PRUNED_AT_ONCE:
                return pruned


class Detail(dict[str, Any]):  # Any: JSON as it was written
    """An object of JSON in which what is not there is an empty text."""

    def __missing__(self, key: str) -> str:
        """Return what stands for a member that is not there."""
        return ""


def _put(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]], *, key: Sequence[str]) -> None:
    if not rows:
        return
    insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)
    others = {name: insert.excluded[name] for name in rows[0] if name not in key}
    # One statement cannot change a row twice: what is told last counts.
    last = {tuple(row[name] for name in key): row for row in rows}
    connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_=others), list(last.values()))


def _execution(told: Execution) -> dict[str, object]:
    return {name: _plain(value) for name, value in vars(told).items()}


def _happening(execution: Execution, told: Happening) -> dict[str, object]:
    row = {name: _plain(value) for name, value in vars(told).items()}
    row |= {"namespace": execution.namespace, "run_id": execution.run_id, "root": execution.root}
    row |= {"team": execution.team, "detail": json.dumps(told.detail)}
    return row


def _plain(value: object) -> object:
    """Return what both databases can keep: PostgreSQL takes no NUL, and no half of a character."""
    if not isinstance(value, str):
        return value
    return value.replace("\x00", "\ufffd").encode(errors="replace").decode()[:_LONGEST]


def _as_execution(row: RowMapping) -> Execution:
    return Execution(**{name: row[name] for name in executions.c.keys()})  # noqa: SIM118 - a collection of columns


def _as_happening(row: RowMapping) -> Happening:
    names = set(Happening.__dataclass_fields__) - {"detail"}
    detail = cast("Detail", json.loads(row["detail"], object_hook=Detail))
    return Happening(**{name: row[name] for name in names}, detail=detail)
