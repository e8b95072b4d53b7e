"""What teams say they call, as their rooms declare it."""

import json
from collections.abc import Sequence
from typing import Final, cast

from sqlalchemy import delete, select

from callboard_registry.database import Database, upsert
from callboard_registry.documents import LARGEST, owner_of
from callboard_registry.policies import StaleError
from callboard_registry.refusals import Refusal
from callboard_registry.tables import declarations, declared_calls

MOST: Final = 1000
"""Services that a team may declare."""


class Declarations:
    """The services that each team says it calls. What it said last counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, team: str, services: Sequence[str], *, signed_at: int) -> bool:
        """Take down which services `team` calls; returns whether that is something new.

        Raises:
            StaleError: It was signed before what the team said last.
        """
        with self._database.writing() as connection:
            last = connection.scalar(select(declarations.c.signed_at).where(declarations.c.team == team))
            if last is not None and signed_at < last:
                raise StaleError
            query = select(declared_calls.c.service).where(declared_calls.c.team == team)
            held = set(connection.scalars(query))
            row = {"team": team, "signed_at": signed_at}
            connection.execute(upsert(connection, declarations, row, key=("team",)))
            if held == set(services):
                return last is None
            connection.execute(delete(declared_calls).where(declared_calls.c.team == team))
            rows = [{"team": team, "service": service} for service in sorted(set(services))]
            if rows:
                connection.execute(declared_calls.insert(), rows)
        return True

    def callers(self, service: str) -> list[str]:
        """Return the teams that say they call `service`, in order."""
        query = select(declared_calls.c.team).where(declared_calls.c.service == service).order_by(declared_calls.c.team)
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def all(self) -> list[tuple[str, str]]:
        """Return every team with each service it says it calls, in order."""
        told = (declared_calls.c.team, declared_calls.c.service)
        query = select(*told).order_by(*told)
        with self._database.reading() as connection:
            return [(row.team, row.service) for row in connection.execute(query)]


def declared_services(document: bytes) -> tuple[str, ...]:
    """Read the services that a team declares.

    Raises:
        Refusal: It is no declaration, or names what can be no service.
    """
    if len(document) > LARGEST:
        raise Refusal("invalid", "document", f"document has {len(document)} bytes; at most {LARGEST} are taken")
    try:
        parsed: object = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise Refusal("invalid", "document", "document cannot be read as JSON") from error
    calls = cast("dict[str, object]", parsed).get("calls") if isinstance(parsed, dict) else None
    if not isinstance(calls, list):
        raise Refusal("invalid", "document.calls", 'document has no list \'calls\'; use {"calls": ["billing.v1"]}')
    services = cast("list[object]", calls)
    if len(services) > MOST:
        raise Refusal("invalid", "document.calls", f"{len(services)} services are declared; at most {MOST} are taken")
    for index, service in enumerate(services):
        if not isinstance(service, str) or owner_of(service) is None:
            raise Refusal(
                "invalid", f"document.calls[{index}]", f"{service!r} is no service name; use one like 'orders.v1'"
            )
    return tuple(cast("list[str]", services))
