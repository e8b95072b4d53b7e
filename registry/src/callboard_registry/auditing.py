"""What the registry answers about calls: who made them, how they ended, what they add up to, who depends on whom."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from callboard_registry.access import Proving
from callboard_registry.audit.positions import Positions
from callboard_registry.calls import Calls
from callboard_registry.consumers import Consumers
from callboard_registry.database import Database
from callboard_registry.declarations import Declarations, declared_services
from callboard_registry.paging import page_size, position_of, token_at
from callboard_registry.policies import StaleError
from callboard_registry.records import read_batch
from callboard_registry.refusals import Refusal
from callboard_registry.threads import Threads
from callboard_registry.totals import Totals, Which
from callboard_registry_api.audit import AuditPosition, CallFilter, CallPage, CallTotal, Consumer, Dimension
from callboard_registry_api.client import Page


class Auditing:
    """Call records and what follows from them. Methods raise `Refusal` for what is not granted."""

    def __init__(self, database: Database, *, proving: Proving, threads: Threads) -> None:
        self._proving = proving
        self._threads = threads
        self._calls = Calls(database)
        self._totals = Totals(database)
        self._declarations = Declarations(database)
        self._consumers = Consumers(database)
        self._positions = Positions(database)

    async def report(self, batch: bytes, *, token: str | None) -> int:
        """Keep what the team that signed the batch saw of its calls; returns how many records were new."""

        def checked():
            proof = self._proving.team(token, "ReportCalls", batch)
            return proof.team, read_batch(batch, reporter=proof.team)

        reporter, records = await self._threads.read(checked)
        return await self._threads.write(lambda: self._calls.add(reporter, records))

    async def calls(self, which: CallFilter, *, after: str = "", size: int = 0, newest_first: bool = False) -> CallPage:
        """Return call records in the order in which they arrived, or from the newest back, and a cursor to go on."""
        filters = ["calls", *_plain(vars(which).values()), newest_first]
        limit = page_size(size, default=200, most=1000)
        position = int(position_of(after, like=(0,), filters=filters, field="after")[0]) if after else 0
        found, last = await self._threads.read(
            lambda: self._calls.page(which, after=position, limit=limit, newest_first=newest_first)
        )
        return CallPage(tuple(found), token_at((last,), filters=filters))

    async def totals(
        self, which: Which, *, by: Sequence[Dimension], size: int = 0, page_token: str = ""
    ) -> Page[CallTotal]:
        """Return one page of calls added up, a row for each combination of `by`."""
        if len(set(by)) != len(by):
            raise Refusal("invalid", "by", f"{list(by)!r} says something twice; say each once")
        filters = ["totals", *_plain(vars(which).values()), *by]
        limit = page_size(size, default=200, most=1000)
        offset = int(position_of(page_token, like=(0,), filters=filters)[0]) if page_token else 0
        found, more = await self._threads.read(lambda: self._totals.page(which, by=by, offset=offset, limit=limit))
        return Page(tuple(found), token_at((offset + limit,), filters=filters) if more else "")

    async def declare(self, team: str, document: bytes, *, token: str | None) -> bool:
        """Take down which services the team that signed says it calls; returns whether that is something new."""

        def checked():
            proof = self._proving.team(token, "DeclareCalls", document)
            if proof.team != team:
                raise Refusal("denied", "team", f"this is about {team!r}, but {proof.team!r} signed it")
            return proof, declared_services(document)

        proof, services = await self._threads.read(checked)
        replace = self._declarations.replace
        try:
            return await self._threads.write(lambda: replace(team, services, signed_at=proof.signed_at))
        except StaleError as error:
            raise Refusal(
                "conflict", "authorization", f"{team!r} has said something newer about what it calls; sign it anew"
            ) from error

    async def consumers(self, service: str, *, operation: str = "", since: datetime | None = None) -> list[Consumer]:
        """Return who says to call `service` and who was seen to."""
        if not service:
            raise Refusal("invalid", "service", "it must be said whose consumers; name a service like 'orders.v1'")
        of = self._consumers.of
        return await self._threads.read(lambda: of(service, operation=operation, since=since))

    async def declared(self) -> list[tuple[str, str]]:
        """Return every team with each service it says it calls."""
        return await self._threads.read(self._declarations.all)

    async def positions(self) -> list[AuditPosition]:
        """Return how far the audit has read each namespace."""
        return await self._threads.read(self._positions.all)


def _plain(values: Iterable[object]) -> list[object]:
    return [each if isinstance(each, str) else str(each) for each in values]
