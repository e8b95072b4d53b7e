"""What the five teams' stores hold: the records, and the traces of every effect."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from callboard import example
from tests.playing.tasks import Records, Task, TaskSet

Tally = Mapping[str, Mapping[str, int]]
"""How often something happened, by what it is and whom it concerns."""


class Books:
    """The stores in a home. Workers may run on them meanwhile."""

    def __init__(self, home: Path) -> None:
        self._stores = home / "stores"
        self._home = home
        self._pristine = home / "pristine"

    def fill(self, tasks: TaskSet) -> None:
        """Put the task set's records in the place of everything, and keep a copy to go back to."""
        example.load(tasks.source, self._home)
        self._pristine.mkdir(exist_ok=True)
        for store in self._files():
            _copy(store, self._pristine / store.name)

    def restore(self) -> None:
        """Go back to what `fill` put in: records, and no effects."""
        for store in self._files():
            _copy(self._pristine / store.name, store)

    def changed(self, before: Records) -> dict[str, dict[str, Any]]:
        """Return every record that is not as before, by table; one that is gone is None."""
        after = example.collect(self._home)
        tables = {
            table: {
                key: after[table].get(key)
                for key in before[table].keys() | after[table].keys()
                if after[table].get(key) != before[table].get(key)
            }
            for table in after
        }
        return {table: records for table, records in tables.items() if records}

    def effects(self) -> Tally:
        """Return what the stores say of the effects they had: each kind, and how often for whom."""
        return _tally(
            [
                *(("order written", key) for (key,) in self._rows("orders", _RESULT_FIELD, ("$.order_id",))),
                # What is noted about orders is an effect as well, and is about no customer's record.
                *(("customer moved", key) for (key,) in self._rows("customers", _RESULT_FIELD, ("$.user_id",)) if key),
                *(("handed over", summary) for (summary,) in self._rows("support", "select summary from handovers")),
                *(
                    ("money moved", f"{order} {kind} {amount:.2f} {method}")
                    for order, kind, amount, method in self._money()
                ),
            ]
        )

    def _money(self) -> Iterable[tuple[str, str, float, str]]:
        return self._rows(
            "billing",
            """select json_extract(asked, '$.order_id'), json_extract(asked, '$.kind'), json_extract(asked, '$.amount'),
               json_extract(asked, '$.payment_method_id') from movements where not reversed""",
        )

    def _rows(self, team: str, query: str, values: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._stores / f"{team}.db")) as connection:
            return connection.execute(query, values).fetchall()

    def _files(self) -> list[Path]:
        return sorted(self._stores.glob("*.db"))


def expected_effects(tasks: Iterable[Task], before: Records) -> Tally:
    """Return the effects that the reference solutions of these tasks have."""
    found: list[tuple[str, str]] = []
    for task in tasks:
        for action in task.actions:
            if action.ok and action.name == "modify_user_address":
                found.append(("customer moved", action.arguments["user_id"]))
            elif action.ok and action.name == "transfer_to_human_agents":
                found.append(("handed over", action.arguments["summary"]))
            elif action.ok and action.writes:
                found.append(("order written", action.arguments["order_id"]))
        for key, order in task.changed.get("orders", {}).items():
            for row in order["payment_history"][len(before["orders"][key]["payment_history"]) :]:
                kind, amount, method = row["transaction_type"], row["amount"], row["payment_method_id"]
                found.append(("money moved", f"{key} {kind} {amount:.2f} {method}"))
    return _tally(found)


def surplus(expected: Tally, found: Tally) -> list[str]:
    """Return in words what happened more or less often than it should have."""
    return [
        f"{kind}: {whom!r} {found.get(kind, {}).get(whom, 0)} times, not {expected.get(kind, {}).get(whom, 0)}"
        for kind in sorted(expected.keys() | found.keys())
        for whom in sorted(expected.get(kind, {}).keys() | found.get(kind, {}).keys())
        if found.get(kind, {}).get(whom, 0) != expected.get(kind, {}).get(whom, 0)
    ]


_RESULT_FIELD = "select json_extract(result, ?) from effects"


async def written(stores: Path, teams: Iterable[str]) -> AsyncIterator[str]:
    """Yield a team whenever something has just been written to its store, within a few milliseconds."""
    with ExitStack() as stack:
        open_stores = {
            team: stack.enter_context(closing(sqlite3.connect(stores / f"{team}.db", isolation_level=None)))
            for team in teams
        }
        versions = {team: _version(store) for team, store in open_stores.items()}
        while True:
            for team, store in open_stores.items():
                if (now := _version(store)) != versions[team]:
                    versions[team] = now
                    yield team
            await asyncio.sleep(0.002)


def _version(store: sqlite3.Connection) -> int:
    # Another number whenever another connection has committed.
    return store.execute("PRAGMA data_version").fetchone()[0]


def _tally(found: Iterable[tuple[str, str]]) -> Tally:
    kinds: dict[str, Counter[str]] = {}
    for kind, whom in found:
        kinds.setdefault(kind, Counter())[whom] += 1
    return kinds


def _copy(source: Path, target: Path) -> None:
    # SQLite's own copying: workers that have the file open see the new content in one step.
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
