"""What the registry keeps of who is signed in: sessions, and tickets that are good once. Of either only a digest."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, cast

from sqlalchemy import and_, delete, or_, select

from callboard_registry.database import Database
from callboard_registry.signin.tables import console_sessions, console_tickets
from callboard_registry.threads import Threads

SEEN_AGAIN: Final = timedelta(seconds=30)
"""A session in use is written down again no more often than so."""

MOST_TICKETS: Final = 10_000
"""Tickets that may wait at once: the oldest make room."""

Kind = Literal["link", "provider"]
"""A ticket signs somebody in (`link`), or remembers that a browser was sent to the identity provider (`provider`)."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody who is signed in."""

    name: str
    content: Mapping[str, object]
    """What they proved: groups of the provider, or what their link grants."""

    seen: datetime
    expires: datetime


class Keeping:
    """Sessions and tickets in the database."""

    def __init__(self, database: Database, threads: Threads) -> None:
        self._database = database
        self._threads = threads

    async def begin(self, name: str, content: Mapping[str, object], *, longest: timedelta) -> str:
        """Begin a session and return its token, which is kept nowhere."""
        token = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        row = {
            "digest": _digest(token),
            "name": name,
            "content": json.dumps(content),
            "begun": now,
            "seen": now,
            "expires": now + longest,
        }

        def write() -> None:
            with self._database.writing() as connection:
                connection.execute(delete(console_sessions).where(console_sessions.c.expires < now))
                connection.execute(console_sessions.insert().values(row))

        await self._threads.write(write)
        return token

    async def find(self, token: str, *, idle: timedelta, in_use: bool) -> Session | None:
        """Return the session that a token is of; None when there is none, or when it is over.

        Args:
            token: What the browser showed.
            idle: After how long without use a session is over.
            in_use: Whether this is a use.
        """
        session = await self._threads.read(lambda: self._session(token))
        now = datetime.now(UTC)
        if session is None or session.expires <= now or session.seen + idle <= now:
            return None
        if in_use and session.seen + min(SEEN_AGAIN, idle / 4) < now:
            await self._threads.write(lambda: self._touch(token, now))
        return session

    async def end(self, token: str) -> None:
        """End a session."""

        def write() -> None:
            with self._database.writing() as connection:
                connection.execute(delete(console_sessions).where(console_sessions.c.digest == _digest(token)))

        await self._threads.write(write)

    async def issue(self, kind: Kind, content: Mapping[str, object], *, lifetime: timedelta) -> str:
        """Return a new ticket's token, good once and for `lifetime`."""
        token = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        row = {
            "digest": _digest(token),
            "kind": kind,
            "content": json.dumps(content),
            "begun": now,
            "expires": now + lifetime,
        }
        newest = (
            select(console_tickets.c.digest)
            .where(console_tickets.c.kind == kind)
            .order_by(console_tickets.c.begun.desc())
            .offset(MOST_TICKETS - 1)
        )

        def write() -> None:
            with self._database.writing() as connection:
                surplus = [each[0] for each in connection.execute(newest)]
                over = or_(console_tickets.c.expires < now, console_tickets.c.digest.in_(surplus))
                connection.execute(delete(console_tickets).where(over))
                connection.execute(console_tickets.insert().values(row))

        await self._threads.write(write)
        return token

    async def look(self, kind: Kind, token: str) -> Mapping[str, object] | None:
        """Return what a ticket says without using it up; None when it is none that is good."""
        return await self._threads.read(lambda: self._ticket(kind, token))

    async def take(self, kind: Kind, token: str) -> Mapping[str, object] | None:
        """Return what a ticket says, and use it up; None when it is none that is good. One taker gets it."""

        def write() -> Mapping[str, object] | None:
            content = self._ticket(kind, token)
            with self._database.writing() as connection:
                this = console_tickets.c.digest == _digest(token)
                used = connection.execute(delete(console_tickets).where(this)).rowcount
            return content if used == 1 else None

        return await self._threads.write(write)

    def _session(self, token: str) -> Session | None:
        query = select(console_sessions).where(console_sessions.c.digest == _digest(token))
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return Session(
            name=row[console_sessions.c.name],
            content=json.loads(row[console_sessions.c.content]),
            seen=row[console_sessions.c.seen],
            expires=row[console_sessions.c.expires],
        )

    def _touch(self, token: str, now: datetime) -> None:
        this = console_sessions.c.digest == _digest(token)
        with self._database.writing() as connection:
            connection.execute(console_sessions.update().where(this).values(seen=now))

    def _ticket(self, kind: Kind, token: str) -> Mapping[str, object] | None:
        this = and_(
            console_tickets.c.digest == _digest(token),
            console_tickets.c.kind == kind,
            console_tickets.c.expires > datetime.now(UTC),
        )
        with self._database.reading() as connection:
            row = connection.execute(select(console_tickets.c.content).where(this)).first()
        return None if row is None else cast("Mapping[str, object]", json.loads(row[0]))


def _digest(token: str) -> str:
    # Tokens are random: no salt is needed, and who reads the database can use none of them.
    return hashlib.sha256(token.encode()).hexdigest()
