"""Public keys of teams, as the administrator enrolled them."""

from datetime import UTC, datetime

from sqlalchemy import RowMapping, select, tuple_

from callboard_registry.changes import ADMINISTRATOR, Change, note
from callboard_registry.database import Database
from callboard_registry.tables import keys
from callboard_registry_api.model import PublicKey


class KeyTakenError(Exception):
    """A key that another team has enrolled; the message is that team's name."""


class Keyring:
    """Every key that the registry vouches for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, team: str, key_id: str) -> PublicKey | None:
        """Return a team's key; None when it has none by that id."""
        query = select(keys).where(keys.c.team == team, keys.c.key_id == key_id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return _key(row) if row else None

    def page(self, *, team: str, after: tuple[str, str] | None, limit: int) -> tuple[list[PublicKey], bool]:
        """Return keys of one team or all, ordered by team and id, from behind `after`, and whether there are more."""
        query = select(keys).order_by(keys.c.team, keys.c.key_id).limit(limit + 1)
        if team:
            query = query.where(keys.c.team == team)
        if after:
            query = query.where(tuple_(keys.c.team, keys.c.key_id) > after)
        with self._database.reading() as connection:
            found = [_key(row) for row in connection.execute(query).mappings()]
        return found[:limit], len(found) > limit

    def add(self, *, team: str, key_id: str, public_bytes: bytes) -> tuple[PublicKey, bool]:
        """Keep a key, and tell whether it is new.

        Raises:
            KeyTakenError: Another team has it: who signed would be anybody's guess.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(keys).where(keys.c.public_bytes == public_bytes)).mappings().first()
            if row is not None:
                held = _key(row)
                if held.team != team:
                    raise KeyTakenError(held.team)
                return held, False
            key = PublicKey(team=team, key_id=key_id, public_bytes=public_bytes, created=datetime.now(UTC))
            connection.execute(
                keys.insert().values(team=team, key_id=key_id, public_bytes=public_bytes, created=key.created)
            )
            about = Change(kind="key_enrolled", team=team, subject=key_id, author=ADMINISTRATOR)
            note(connection, about)
        return key, True


def _key(row: RowMapping) -> PublicKey:
    return PublicKey(
        team=row[keys.c.team],
        key_id=row[keys.c.key_id],
        public_bytes=row[keys.c.public_bytes],
        created=row[keys.c.created],
    )
