"""Keeping builds: one row for each fingerprint that an agent has in a build."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from sqlalchemy import RowMapping, delete, func, select

from callboard_registry.database import Database, upsert
from callboard_registry.refusals import Refusal
from callboard_registry.tables import build_agents
from callboard_registry_api.builds import AgentFingerprint, Build

MOST: Final = 2000
"""Fingerprints of one team that are kept; of more than that the oldest go."""


class KeptBuilds:
    """Every build that a team vouches for. The same build may run in several surroundings, with a fingerprint each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, team: str, build: str, agents: Sequence[AgentFingerprint], *, signed_at: int) -> bool:
        """Keep what the agents of a build are made of; returns whether any of it is new.

        Raises:
            Refusal: The build was withdrawn after this was signed.
        """
        now = datetime.now(UTC)
        this = (build_agents.c.team == team) & (build_agents.c.build == build)
        with self._database.writing() as connection:
            held = {
                (row.agent, row.digest): row.withdrawn
                for row in connection.execute(
                    select(build_agents.c.agent, build_agents.c.digest, build_agents.c.withdrawn).where(this)
                )
            }
            # A captured token, sent again within its life, must not bring back what was withdrawn.
            if any(gone is not None and signed_at <= gone for gone in held.values()):
                raise Refusal("conflict", "authorization", f"build {build!r} was withdrawn after this was signed")
            for each in agents:
                row = {
                    "team": team,
                    "build": build,
                    "agent": each.agent,
                    "digest": each.digest,
                    "fields": json.dumps(dict(each.fields), separators=(",", ":")),
                    "published": now,
                    "withdrawn": None,
                }
                connection.execute(upsert(connection, build_agents, row, key=("team", "build", "agent", "digest")))
            oldest = (
                select(build_agents.c.published)
                .where(build_agents.c.team == team)
                .order_by(build_agents.c.published.desc())
                .offset(MOST)
                .limit(1)
            )
            if (limit := connection.scalar(oldest)) is not None:
                connection.execute(delete(build_agents).where((build_agents.c.team == team) & _until(limit)))
        return any(held.get((each.agent, each.digest), 0) is not None for each in agents)

    def withdraw(self, team: str, build: str, *, at: int) -> bool:
        """Vouch for a build no more; returns whether it was vouched for."""
        this = (build_agents.c.team == team) & (build_agents.c.build == build)
        with self._database.writing() as connection:
            gone = connection.execute(
                build_agents.update().where(this & build_agents.c.withdrawn.is_(None)).values(withdrawn=at)
            )
        return gone.rowcount > 0

    def page(self, team: str, *, after: str, limit: int) -> tuple[list[Build], bool]:
        """Return the builds of a team that are vouched for, ordered by name, and whether there are more."""
        vouched = (build_agents.c.team == team) & build_agents.c.withdrawn.is_(None)
        names = (
            select(build_agents.c.build)
            .where(vouched & (build_agents.c.build > after))
            .group_by(build_agents.c.build)
            .order_by(build_agents.c.build)
            .limit(limit + 1)
        )
        with self._database.reading() as connection:
            found = list(connection.scalars(names))
            rows = connection.execute(
                select(build_agents)
                .where(vouched & build_agents.c.build.in_(found[:limit]))
                .order_by(build_agents.c.build, build_agents.c.agent, build_agents.c.published)
            ).mappings()
            builds = [_build(team, list(of_build)) for _, of_build in groupby(rows, lambda row: row["build"])]
        return builds, len(found) > limit

    def count(self, team: str) -> int:
        """Return how many fingerprints of a team are kept."""
        with self._database.reading() as connection:
            return connection.scalar(select(func.count()).where(build_agents.c.team == team)) or 0


def _until(moment: datetime):
    return build_agents.c.published <= moment


def _build(team: str, rows: Sequence[RowMapping]) -> Build:
    return Build(
        team=team,
        build=rows[0]["build"],
        published=max(row["published"] for row in rows),
        agents=tuple(AgentFingerprint(row["agent"], row["digest"], json.loads(row["fields"])) for row in rows),
    )
