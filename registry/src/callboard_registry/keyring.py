"""Public keys of teams: how they come in, take each other's place, and go."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select, tuple_

from callboard_registry.changes import ADMINISTRATOR, Change, note
from callboard_registry.database import Database
from callboard_registry.refusals import Refusal
from callboard_registry.tables import invitations, keys
from callboard_registry_api.model import Invitation, PublicKey

CODE_PREFIX: Final = "enrol-"
"""How a one-time code starts, so that one that lies around is recognised for what it is."""


class Keyring:
    """Every key that the registry vouches for or has vouched for. A key belongs to one team, for ever."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, team: str, key_id: str) -> PublicKey | None:
        """Return a team's key; None when it has none by that id that is good now."""
        query = select(keys).where(keys.c.team == team, keys.c.key_id == key_id, _good(datetime.now(UTC)))
        with self._database.asking() as connection:
            row = connection.execute(query).mappings().first()
        return _key(row) if row else None

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
        with self._database.writing() as connection:
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
        with self._database.writing() as connection:
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
        with self._database.writing() as connection:
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
