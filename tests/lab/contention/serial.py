"""Whether what is in the books could have come about one change after another."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.lab.contention.house import TEAMS, Change


@dataclass(frozen=True)
class Effect:
    """One line of a ledger."""

    name: str
    record: str
    before: int
    after: int


@dataclass(frozen=True)
class Books:
    """What was written in the stores of both teams."""

    effects: Sequence[Effect]
    """In the order in which they were written, team by team."""

    values: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path) -> "Books":
        effects: list[Effect] = []
        values: dict[str, int] = {}
        for team in TEAMS:
            with closing(sqlite3.connect(folder / f"{team}.db")) as store:
                rows = store.execute("select name, record, before, after from ledger order by number").fetchall()
                effects.extend(Effect(*row) for row in rows)
                values.update(store.execute("select id, value from records").fetchall())
        return cls(effects, values)

    def lost_updates(self) -> list[str]:
        """Return each write that took no account of the one before it."""
        last: dict[str, int] = defaultdict(int)
        lost: list[str] = []
        for effect in self.effects:
            if effect.before != last[effect.record]:
                lost.append(f"{effect.record}: {last[effect.record]} was overwritten as if it were {effect.before}")
            last[effect.record] = effect.after
        return lost

    def serial_faults(self, changes: Sequence[Change]) -> Iterator[str]:
        """Say why no order of whole changes leads to these books; nothing when one does."""
        happened = Counter((effect.name, effect.record) for effect in self.effects)
        wanted = Counter((change.name, record) for change in changes for record in (change.order_id, change.balance_id))
        yield from (f"{name} happened to {record} once too often" for name, record in (happened - wanted).elements())
        yield from (f"{name} did not happen to {record}" for name, record in (wanted - happened).elements())
        order, last = TopologicalSorter[str](), dict[str, str]()
        for effect in self.effects:
            order.add(effect.name, *filter(None, [last.get(effect.record)]))
            last[effect.record] = effect.name
        try:
            serial = list(order.static_order())
        except CycleError as error:
            yield f"these changes came before and after each other: {error.args[1]}"
            return
        values, by_name = defaultdict[str, int](int), {change.name: change for change in changes}
        for change in (by_name[name] for name in serial):
            values[change.order_id] += change.amount
            values[change.balance_id] += change.amount
        for record in sorted(values):
            if values[record] != self.values.get(record, 0):
                yield f"{record} is {self.values.get(record, 0)}; one change after another makes {values[record]}"
