"""Workers by their heartbeats, and who answers for a team."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import RowMapping, delete, func, select

from callboard_registry.database import Database, upsert
from callboard_registry.refusals import Refusal
from callboard_registry.tables import keys, teams, workers
from callboard_registry_api.health import Heartbeat, ServedRevision, TeamFacts

KEPT: Final = timedelta(days=1)
"""How long a worker is remembered after its last heartbeat."""

MOST: Final = 2000
"""Workers of one team that are remembered."""

_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The last that was heard of a worker."""

    team: str
    worker: str
    namespace: str
    task_queue: str
    identity: str
    build: str
    kit_version: str
    sdk_version: str
    serves: tuple[ServedRevision, ...]
    started: datetime
    seen: datetime
    """When its heartbeat came, by the registry's clock."""

    every: timedelta
    stopped: datetime | None
    """When it said that it stops; None when it did not."""


class Workers:
    """The last heartbeat of every worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, team: str, heartbeat: Heartbeat) -> None:
        """Keep a heartbeat. One that was sent before the last that was kept changes nothing.

        Raises:
            Refusal: The team has too many workers.
        """
        now = datetime.now(UTC)
        this = (workers.c.team == team) & (workers.c.worker == heartbeat.worker)
        with self._database.writing() as connection:
            last = connection.execute(select(workers.c.sent, workers.c.stopped).where(this)).first()
            # A captured heartbeat, sent again within its token's life, brings back nobody who has gone.
            if last is not None and (heartbeat.sent <= last[0] or last[1] is not None):
                return
            if last is None:
                connection.execute(delete(workers).where(workers.c.team == team, workers.c.seen < now - KEPT))
                known = connection.scalar(select(func.count()).where(workers.c.team == team)) or 0
                if known >= MOST:
                    raise Refusal("conflict", "heartbeat.worker", f"{team!r} had {known} workers within a day already")
            connection.execute(upsert(connection, workers, _row(team, heartbeat, now), key=("team", "worker")))
            who = {"owner": heartbeat.owner, "contact": heartbeat.contact, "description": heartbeat.description}
            held = connection.execute(select(teams).where(teams.c.team == team)).mappings().first()
            if any(who.values()) and (held is None or {name: held[name] for name in who} != who):
                connection.execute(upsert(connection, teams, {"team": team, **who, "told": now}, key=("team",)))

    def heard(self, *, team: str = "") -> list[Heard]:
        """Return the workers of a team, or all, ordered by team and by when they started."""
        query = select(workers).order_by(workers.c.team, workers.c.started, workers.c.worker)
        query = query.where(workers.c.seen > datetime.now(UTC) - KEPT)
        if team:
            query = query.where(workers.c.team == team)
        with self._database.reading() as connection:
            return [_heard(row) for row in connection.execute(query).mappings()]

    def last_heard(self) -> datetime | None:
        """Return when the last heartbeat of any worker came."""
        with self._database.reading() as connection:
            return connection.scalar(select(workers.c.seen).order_by(workers.c.seen.desc()).limit(1))

    def teams(self) -> Mapping[str, TeamFacts]:
        """Return every team that has ever had a key, ordered, with who answers for it as far as its workers said."""
        with self._database.reading() as connection:
            enrolled = connection.scalars(select(keys.c.team).distinct().order_by(keys.c.team)).all()
            rows = connection.execute(select(teams)).mappings().all()
        return {team: TeamFacts(team=team) for team in enrolled} | {
            row[teams.c.team]: TeamFacts(
                team=row[teams.c.team],
                owner=row[teams.c.owner],
                contact=row[teams.c.contact],
                description=row[teams.c.description],
            )
            for row in rows
        }


def _row(team: str, heartbeat: Heartbeat, now: datetime) -> dict[str, object]:
    return {
        "team": team,
        "worker": heartbeat.worker,
        "namespace": heartbeat.namespace,
        "task_queue": heartbeat.task_queue,
        "identity": heartbeat.identity,
        "build": heartbeat.build,
        "kit": heartbeat.kit_version,
        "sdk": heartbeat.sdk_version,
        "serves": "\n".join(f"{each.service} {each.digest}" for each in heartbeat.serves),
        "started": heartbeat.started,
        "sent": heartbeat.sent,
        "stopped": heartbeat.sent if heartbeat.stopping else None,
        "seen": now,
        "every": heartbeat.every // _MICROSECOND,
    }


def _heard(row: RowMapping) -> Heard:
    served = [line.partition(" ") for line in row[workers.c.serves].split("\n") if line]
    return Heard(
        team=row[workers.c.team],
        worker=row[workers.c.worker],
        namespace=row[workers.c.namespace],
        task_queue=row[workers.c.task_queue],
        identity=row[workers.c.identity],
        build=row[workers.c.build],
        kit_version=row[workers.c.kit],
        sdk_version=row[workers.c.sdk],
        serves=tuple(ServedRevision(service, digest) for service, _, digest in served),
        started=row[workers.c.started],
        seen=row[workers.c.seen],
        every=row[workers.c.every] * _MICROSECOND,
        stopped=row[workers.c.stopped],
    )
