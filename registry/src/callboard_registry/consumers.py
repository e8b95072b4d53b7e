"""Who depends on a service: those who say so, and those who were seen.

The two differ, and the difference is worth knowing: who declares a service and was never seen has perhaps not begun,
or calls once a year; who was seen and never declared it will not be found by reading anybody's `team.toml`.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select

from callboard_registry.calls import Calls
from callboard_registry.database import Database
from callboard_registry.declarations import Declarations
from callboard_registry.life import ANSWERING
from callboard_registry.tables import listings
from callboard_registry.totals import Totals, Which
from callboard_registry_api.audit import CallTotal, Consumer
from callboard_registry_api.verdicts import AffectedTeam

SEEN: Final = timedelta(days=30)
"""How far back a call makes a consumer, unless somebody asks for more or less."""

_AT_ONCE: Final = 10_000


class Consumers:
    """Who calls what, from what teams declare and from the sums of calls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._calls = Calls(database)
        self._totals = Totals(database)
        self._declarations = Declarations(database)

    def of(self, service: str, *, operation: str = "", since: datetime | None = None) -> list[Consumer]:
        """Return who says to call `service` and who was seen to, ordered by team, operation, revision.

        Who was never anything but refused has called nothing, and was not seen.
        """
        declared = self._declarations.callers(service)
        found: dict[tuple[str, str, str], Consumer] = {}
        for row in self._seen(service, operation, since):
            key = (row.caller, row.operation, row.revision)
            before = found.get(key, Consumer(team=row.caller, declared=row.caller in declared))
            found[key] = replace(
                before,
                operation=row.operation,
                revision=row.revision,
                calls=before.calls + row.calls,
                errors=before.errors + row.errors,
                last=row.last if before.last is None else max(before.last, row.last),
            )
        seen = {each.team for each in found.values()}
        quiet = [Consumer(team=team, declared=True) for team in declared if team not in seen]
        return sorted([*found.values(), *quiet], key=lambda each: (each.team, each.operation, each.revision))

    def affected(
        self, service: str, operations: Collection[str] | None = None, *, since: datetime | None = None
    ) -> list[AffectedTeam]:
        """Return whom a change of these operations (None: of all) concerns, ordered by team.

        Who only declares the service is among them: it is not known which operations it means to call.
        """
        declared = self._declarations.callers(service)
        seen = self._seen(service, "", since)
        rows: dict[str, list[CallTotal]] = defaultdict(list)
        for row in seen:
            if operations is None or row.operation in operations:
                rows[row.caller].append(row)
        quiet = set(declared).difference(row.caller for row in seen)
        return [_affected(team, rows[team], declared) for team in sorted({*rows, *quiet})]

    def live(self, service: str, digest: str, *, since: datetime) -> list[str]:
        """Return the teams that would have nobody to answer them without this revision, in order.

        Those that called it since then; and, when it is the last one that answers, those that say they call the
        service.
        """
        seen = self._calls.callers(service, digest, since=since)
        others = select(listings.c.digest).where(
            listings.c.service == service, listings.c.digest != digest, listings.c.state.in_(ANSWERING)
        )
        with self._database.reading() as connection:
            is_last = connection.execute(others.limit(1)).first() is None
        return sorted({*seen, *(self._declarations.callers(service) if is_last else ())})

    def _seen(self, service: str, operation: str, since: datetime | None) -> list[CallTotal]:
        which = Which(service=service, operation=operation, since=since or datetime.now(UTC) - SEEN)
        rows, _ = self._totals.page(which, by=("caller", "operation", "revision", "outcome"), offset=0, limit=_AT_ONCE)
        let_in = {row.caller for row in rows if row.outcome != "refused"}
        return [row for row in rows if row.caller in let_in]


def _affected(team: str, rows: Sequence[CallTotal], declared: Collection[str]) -> AffectedTeam:
    return AffectedTeam(
        team=team,
        operations=tuple(sorted({row.operation for row in rows})),
        declared=team in declared,
        calls=sum(row.calls for row in rows),
        last=max((row.last for row in rows), default=None),
    )
