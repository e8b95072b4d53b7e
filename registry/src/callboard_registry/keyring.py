"""Public keys of teams: how they come in, take each other's place, and go."""

import hashlib
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select, tuple_

from callboard_registry.changes import ADMINISTRATOR, Change, note
from callboard_registry.database import Database
from callboard_registry.refusals import Refusal
from callboard_registry.tables import invitations, keys
from callboard_registry_api.model import Invitation, PublicKey

REMEMBERED: Final = 1.0
"""Seconds for which a key that was found is not looked for again."""

_MOST_REMEMBERED: Final = 4096

CODE_PREFIX: Final = "enrol-"
"""How a one-time code starts, so that one that lies around is recognised for what it is."""


class Keyring:
    """Every key that the registry vouches for or has vouched for. A key belongs to one team, for ever."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[tuple[str, str], tuple[PublicKey, float]] = {}
        self._changes = 0

    def find(self, team: str, key_id: str) -> PublicKey | None:
        """Return a team's key; None when it has none by that id that is good now.

        What another registry on the same database does to a key shows here within `REMEMBERED`.
        """
        now = datetime.now(UTC)
        key, seen = self._seen.get((team, key_id), (None, 0.0))
        if key is not None and monotonic() - seen < REMEMBERED:
            return key if key.expires is None or key.expires > now else None
        query = select(keys).where(keys.c.team == team, keys.c.key_id == key_id, _good(now))
        seen, changes = monotonic(), self._changes
        with self._database.asking() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        if len(self._seen) >= _MOST_REMEMBERED:
            self._seen.clear()
        key = _key(row)
        if changes == self._changes:
            self._seen[team, key_id] = key, seen
        return key

    @contextmanager
    def _changing(self) -> Generator[Connection]:
        try:
            with self._database.writing() as connection:
                yield connection
        finally:
            self._changes += 1
            self._seen.clear()

    def page(
        self, *, team: str, after: tuple[str, str] | None, limit: int, past: bool = False
    ) -> tuple[list[PublicKey], bool]:
        """Return keys of one team or all, ordered by team and id, from behind `after`, and whether there are more."""
        query = select(keys).order_by(keys.c.team, keys.c.key_id).limit(limit + 1)
        if not past:
            query = query.where(_good(datetime.now(UTC)))
        if team:
            query = query.where(keys.c.team == team)
        if after:
            query = query.where(tuple_(keys.c.team, keys.c.key_id) > after)
        with self._database.reading() as connection:
            found = [_key(row) for row in connection.execute(query).mappings()]
        return found[:limit], len(found) > limit

    def add(self, *, team: str, key_id: str, public_bytes: bytes) -> tuple[PublicKey, bool]:
        """Keep a key for the administrator, and tell whether it is new.

        Raises:
            Refusal: Another team has it, so that who signed would be anybody's guess; or it was revoked.
        """
        with self._changing() as connection:
            return _add(connection, team, key_id, public_bytes, author=ADMINISTRATOR)

    def invite(self, team: str, *, lifetime: timedelta) -> Invitation:
        """Make a code with which whoever has it can enrol one key for `team`, once."""
        code = CODE_PREFIX + secrets.token_urlsafe(24)
        now = datetime.now(UTC)
        invitation = Invitation(team=team, code=code, expires=now + lifetime)
        # Only a digest is kept: who can read the database cannot enrol. The code is random, so no salt is needed.
        values = {"code_digest": _digest(code), "team": team, "created": now, "expires": invitation.expires}
        with self._database.writing() as connection:
            connection.execute(invitations.insert().values(**values))
        return invitation

    def enrol(self, *, team: str, code: str, key_id: str, public_bytes: bytes) -> PublicKey:
        """Use up a code, and keep the key that came with it.

        Raises:
            Refusal: The code is none, was used or is too old; or the key cannot be this team's.
        """
        now = datetime.now(UTC)
        this = and_(
            invitations.c.code_digest == _digest(code),
            invitations.c.team == team,
            invitations.c.used.is_(None),
            invitations.c.expires > now,
        )
        with self._database.writing() as connection:
            if connection.execute(invitations.update().where(this).values(used=now)).rowcount != 1:
                raise Refusal(
                    "denied",
                    "code",
                    f"this code enrols no key for {team!r}: it is wrong, used or too old; get another",
                )
            return _add(connection, team, key_id, public_bytes, author=team)[0]

    def rotate(
        self, *, team: str, old_id: str, key_id: str, public_bytes: bytes, overlap: timedelta
    ) -> tuple[PublicKey, bool]:
        """Keep a new key beside the one that vouches for it, which is good for `overlap` longer.

        Raises:
            Refusal: The new key cannot be this team's, or is the old one.
        """
        if key_id == old_id:
            raise Refusal("invalid", "public_bytes", "the new key is the old one; make another")
        with self._changing() as connection:
            key, created = _add(connection, team, key_id, public_bytes, author=team)
            ends = datetime.now(UTC) + overlap
            # A key that ends earlier already does not get longer by vouching for another.
            later = or_(keys.c.expires.is_(None), keys.c.expires > ends)
            old = and_(keys.c.team == team, keys.c.key_id == old_id, later)
            connection.execute(keys.update().where(old).values(expires=ends))
            return key, created

    def revoke(self, team: str, key_id: str, *, author: str, reason: str) -> PublicKey | None:
        """Vouch for a key no longer, from now on and for ever; None when the team has no such key."""
        this = and_(keys.c.team == team, keys.c.key_id == key_id)
        with self._changing() as connection:
            held = connection.execute(select(keys).where(this)).mappings().first()
            if held is None:
                return None
            if held[keys.c.revoked] is None:
                connection.execute(keys.update().where(this).values(revoked=datetime.now(UTC)))
                note(connection, Change(kind="key_revoked", team=team, subject=key_id, author=author, reason=reason))
            return _key(connection.execute(select(keys).where(this)).mappings().one())


def _add(connection: Connection, team: str, key_id: str, public_bytes: bytes, *, author: str) -> tuple[PublicKey, bool]:
    row = connection.execute(select(keys).where(keys.c.public_bytes == public_bytes)).mappings().first()
    if row is not None:
        held = _key(row)
        if held.team != team:
            raise Refusal("conflict", "public_bytes", f"{held.team!r} has this key; make one of its own for {team!r}")
        if held.revoked is not None:
            raise Refusal("conflict", "public_bytes", f"key {key_id!r} was revoked for ever; make another")
        return held, False
    key = PublicKey(team=team, key_id=key_id, public_bytes=public_bytes, created=datetime.now(UTC))
    connection.execute(keys.insert().values(team=team, key_id=key_id, public_bytes=public_bytes, created=key.created))
    note(connection, Change(kind="key_enrolled", team=team, subject=key_id, author=author))
    return key, True


def _good(now: datetime) -> ColumnElement[bool]:
    return and_(keys.c.revoked.is_(None), or_(keys.c.expires.is_(None), keys.c.expires > now))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _key(row: RowMapping) -> PublicKey:
    return PublicKey(
        team=row[keys.c.team],
        key_id=row[keys.c.key_id],
        public_bytes=row[keys.c.public_bytes],
        created=row[keys.c.created],
        expires=row[keys.c.expires],
        revoked=row[keys.c.revoked],
    )
