"""Policies of teams, every version that was ever in force."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import RowMapping, and_, func, select

from callboard_registry.changes import Change, note
from callboard_registry.database import Database
from callboard_registry.documents import PolicyDocument
from callboard_registry.life import LONGEST_REASON
from callboard_registry.paging import taken
from callboard_registry.tables import policies
from callboard_registry_api.model import Policy
from callboard_registry_api.verdicts import Finding


class StaleError(Exception):
    """A policy that was signed before the one in force."""


class Policies:
    """What each team allows. The highest version is in force."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, team: str, *, version: int = 0) -> Policy | None:
        """Return the policy in force, or another version; None when there is none."""
        query = select(policies).where(policies.c.team == team).order_by(policies.c.version.desc()).limit(1)
        if version:
            query = query.where(policies.c.version == version)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return _policy(row) if row else None

    def page(self, *, after: str, limit: int) -> tuple[list[Policy], bool]:
        """Return the policies in force ordered by team, from behind `after`, and whether there are more."""
        in_force = (
            select(policies.c.team, func.max(policies.c.version).label("version"))
            .where(policies.c.team > after)
            .group_by(policies.c.team)
            .order_by(policies.c.team)
            .limit(limit + 1)
            .subquery()
        )
        query = (
            select(policies)
            .join(in_force, and_(in_force.c.team == policies.c.team, in_force.c.version == policies.c.version))
            .order_by(policies.c.team)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            return taken(map(_policy, rows), limit=limit, size=lambda policy: len(policy.document))

    def add(
        self,
        team: str,
        document: PolicyDocument,
        *,
        signed_at: int,
        warnings: Sequence[Finding] = (),
        keep: bool = True,
    ) -> tuple[Policy, bool]:
        """Put a policy in force, and tell whether that made a version; the one in force makes none.

        Args:
            team: Whose.
            document: What it says.
            signed_at: When, by the team's clock.
            warnings: What callers may do no more by it; told to whoever published it and to those who watch.
            keep: Whether to; if not, only what would be is told.

        Raises:
            StaleError: It was signed before the one in force, and says something else.
        """
        newest = select(policies).where(policies.c.team == team).order_by(policies.c.version.desc()).limit(1)
        with self._database.writing(keep=keep) as connection:
            row = connection.execute(newest).mappings().first()
            if row is not None and row[policies.c.digest] == document.digest:
                return _policy(row), False
            # A captured token, sent again within its life, must not bring back a policy that was replaced.
            if row is not None and signed_at < row[policies.c.signed_at]:
                raise StaleError
            policy = Policy(
                team=team,
                version=1 if row is None else row[policies.c.version] + 1,
                digest=document.digest,
                document=document.canonical,
                created=datetime.now(UTC),
                warnings=tuple(warnings),
            )
            connection.execute(
                policies.insert().values(
                    team=team,
                    version=policy.version,
                    digest=policy.digest,
                    document=policy.document,
                    signed_at=signed_at,
                    created=policy.created,
                )
            )
            told = "; ".join(warning.sentence for warning in warnings)
            reason = told if len(told) <= LONGEST_REASON else f"{told[: LONGEST_REASON - 1]}…"
            version = str(policy.version)
            about = Change(kind="policy_published", team=team, subject=team, detail=version, author=team, reason=reason)
            note(connection, about)
        return policy, True


def _policy(row: RowMapping) -> Policy:
    return Policy(
        team=row[policies.c.team],
        version=row[policies.c.version],
        digest=row[policies.c.digest],
        document=row[policies.c.document],
        created=row[policies.c.created],
    )
