"""How far a team reaches: which operations the policies in force let it call directly."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from pydantic import ValidationError
from sqlalchemy import Connection, and_, func, select

from callboard_contracts import Effect
from callboard_kit.policy import Policy
from callboard_registry.database import Database
from callboard_registry.everywhere import Served, named_in_all, served_now
from callboard_registry.search import in_force
from callboard_registry.tables import changes, listings, operations, policies
from callboard_registry_api.model import State

logger: Final = logging.getLogger(__name__)

_MOST_KEPT: Final = 32
"""Answers that are kept: one for each team that asks, and the states it asks for."""


@dataclass(frozen=True)
class Reach:
    """What one team may call, as of one change of the registry."""

    as_of: int
    """The last change that was counted in."""

    served: Served
    """The revisions that living workers served then."""

    operations: frozenset[int]
    """Ids of all it may call."""

    for_models: frozenset[int]
    """Ids of those that a model may call, too."""

    services: tuple[str, ...]
    """Whose `for_models` are, sorted."""


class Reaches:
    """Works out how far teams reach, and keeps the answers until something changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[str, tuple[State, ...]], Reach] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, caller: str, states: Sequence[State]) -> Reach:
        """Return what `caller` may call of each service's newest revision in one of `states`.

        Where workers of a service are there, only what all of them serve.
        """
        asked = (caller, tuple(states))
        with self._database.reading() as connection:
            as_of = connection.scalar(select(func.max(changes.c.sequence))) or 0
            with self._guard:
                kept = self._kept.get(asked)
            served = served_now(connection)
            if kept is None or (kept.as_of, kept.served) != (as_of, served):
                kept = _reach(connection, caller, states, as_of, served)
        with self._guard:
            self._kept[asked] = kept
            self._kept.move_to_end(asked)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return kept


def _reach(connection: Connection, caller: str, states: Sequence[State], as_of: int, served: Served) -> Reach:
    judges = _policies(connection)
    everywhere = named_in_all(connection, served)
    allowed: set[int] = set()
    for_models: set[int] = set()
    services: set[str] = set()
    for row in connection.execute(in_force(states)).mappings():
        service = cast(str, row[operations.c.service])
        judge = judges.get(row[listings.c.team])
        if service in everywhere and row[operations.c.name] not in everywhere[service]:
            continue
        # Asked directly: whom the caller acts for is known only when it calls.
        if (
            judge is None
            or not judge.judge(
                service=service,
                operation=row[operations.c.name],
                effect=cast(Effect, row[operations.c.effect]),
                chain=[caller],
            ).allowed
        ):
            continue
        allowed.add(row[operations.c.id])
        if row[operations.c.model_callable]:
            for_models.add(row[operations.c.id])
            services.add(service)
    return Reach(
        as_of=as_of,
        served=served,
        operations=frozenset(allowed),
        for_models=frozenset(for_models),
        services=tuple(sorted(services)),
    )


def _policies(connection: Connection) -> Mapping[str, Policy]:
    newest = select(policies.c.team, func.max(policies.c.version).label("version")).group_by(policies.c.team).subquery()
    query = select(policies.c.team, policies.c.document).join(
        newest, and_(newest.c.team == policies.c.team, newest.c.version == policies.c.version)
    )
    judges: dict[str, Policy] = {}
    for row in connection.execute(query).all():
        try:
            judges[row.team] = Policy.model_validate_json(cast(bytes, row.document))
        except ValidationError as error:
            # Without a policy that can be read, nothing of that team's may be called; the others' still may.
            logger.warning("the policy of %s cannot be read: %s", row.team, error)
    return judges
