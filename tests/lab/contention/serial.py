"""Whether what is in the books could have come about one change after another.

A change is a whole when both of its effects come from one asking, which held the first lock from before the one until
after the other. An asking whose time is up gives that lock back, as it should, while the other team, whose turn came in
the last moment, may still have its effect; the next asking then does only the rest. Nobody promises that nothing comes
in between: the halves of such a change count as two, each with a place of its own.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

from tests.lab.contention.house import TEAMS, Change

_LEDGER: Final = "select name, record, before, after, asking from ledger order by number"


@dataclass(frozen=True)
class Effect:
    """One line of a ledger."""

    name: str
    record: str
    before: int
    after: int
    asking: str = ""
    """Which of an agent's calls for this change had this effect."""


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
                rows = store.execute(_LEDGER).fetchall()
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

    def torn(self) -> set[str]:
        """Return the changes that took more than one asking to have both of their effects."""
        askings: dict[str, set[str]] = defaultdict(set)
        for effect in self.effects:
            askings[effect.name].add(effect.asking)
        return {name for name, found in askings.items() if len(found) > 1}

    def serial_faults(self, changes: Sequence[Change]) -> Iterator[str]:
        """Say why no order of changes, and of halves of torn ones, leads to these books; nothing when one does."""
        happened = Counter((effect.name, effect.record) for effect in self.effects)
        wanted = Counter((change.name, record) for change in changes for record in (change.order_id, change.balance_id))
        yield from (f"{name} happened to {record} once too often" for name, record in (happened - wanted).elements())
        yield from (f"{name} did not happen to {record}" for name, record in (wanted - happened).elements())
        order, last, torn = TopologicalSorter[str](), dict[str, str](), self.torn()
        for effect in self.effects:
            unit = f"{effect.name} of {effect.record}" if effect.name in torn else effect.name
            order.add(unit, *filter(None, [last.get(effect.record)]))
            last[effect.record] = unit
        try:
            order.prepare()
        except CycleError as error:
            yield f"these changes came before and after each other: {error.args[1]}"
            return
        # Amounts are added, so every order makes the same of them.
        values = defaultdict[str, int](int)
        for change in changes:
            values[change.order_id] += change.amount
            values[change.balance_id] += change.amount
        for record in sorted(values):
            if values[record] != self.values.get(record, 0):
                yield f"{record} is {self.values.get(record, 0)}; one change after another makes {values[record]}"
