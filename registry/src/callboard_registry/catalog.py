"""Listings: the revisions of every service, and their documents."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

from callboard_registry.adding import Entry, add_all
from callboard_registry.changes import Change, note
from callboard_registry.database import Database
from callboard_registry.documents import ListingDocument
from callboard_registry.gate.deciding import Judgement, OvertakenError, overriding
from callboard_registry.gate.keeping import keep_verdicts
from callboard_registry.life import ANSWERING, IN_FORCE, Author, Move, require_move
from callboard_registry.paging import taken
from callboard_registry.refusals import Refusal
from callboard_registry.showing import next_minor, shown, with_texts
from callboard_registry.tables import listings, texts
from callboard_registry_api.model import Listing, State

_KEYS: Final = ("service", "digest")


@dataclass(frozen=True)
class ListingFilter:
    """Which listings to list, and whether with their documents."""

    team: str = ""
    states: tuple[State, ...] = ()
    all_revisions: bool = False
    with_documents: bool = True


class Catalog:
    """Every revision of every service. A revision is named by service and digest, and never changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, service: str, *, digest: str = "", states: Sequence[State] = ()) -> Listing | None:
        """Return a revision, or the newest; None when there is none (in one of `states`, if any are given)."""
        query = with_texts(documents=True).where(listings.c.service == service)
        if digest:
            query = query.where(listings.c.digest == digest)
        if states:
            query = query.where(listings.c.state.in_(states))
        with self._database.asking() as connection:
            row = connection.execute(query.order_by(listings.c.number.desc()).limit(1)).mappings().first()
        return shown(row) if row else None

    def page(self, which: ListingFilter, *, after: tuple[str, int] | None, limit: int) -> tuple[list[Listing], bool]:
        """Return listings ordered by service and number, from behind `after`, and whether there are more."""
        conditions: list[ColumnElement[bool]] = []
        if which.team:
            conditions.append(listings.c.team == which.team)
        if which.states:
            conditions.append(listings.c.state.in_(which.states))
        query = with_texts(documents=which.with_documents)
        if which.all_revisions:
            if after:
                conditions.append(tuple_(listings.c.service, listings.c.number) > after)
            query = query.where(*conditions)
        else:
            if after:
                conditions.append(listings.c.service > after[0])
            # In the order of the index and with a limit of its own, so that a page costs the same in a long catalog.
            newest = (
                select(listings.c.service, func.max(listings.c.number).label("number"))
                .where(*conditions)
                .group_by(listings.c.service)
                .order_by(listings.c.service)
                .limit(limit + 1)
                .subquery()
            )
            query = query.join(
                newest, and_(newest.c.service == listings.c.service, newest.c.number == listings.c.number)
            )
        query = query.order_by(listings.c.service, listings.c.number).limit(limit + 1)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            return taken(map(shown, rows), limit=limit, size=lambda listing: len(listing.document))

    def names(self) -> list[str]:
        """Return the name of every service that has a listing, in order."""
        with self._database.reading() as connection:
            return list(connection.scalars(select(listings.c.service).distinct().order_by(listings.c.service)))

    def beside(self, service: str, digest: str) -> tuple[Listing | None, list[Listing]]:
        """Return a revision, if it is held, and those whose callers are to be kept, as of one moment.

        The latter are approved or deprecated, and come with the last approved first.
        """
        query = with_texts(documents=True).where(_of_interest(service, digest)).order_by(listings.c.minor.desc())
        with self._database.asking() as connection:
            found = list(map(shown, connection.execute(query).mappings()))
        held = next((each for each in found if each.digest == digest), None)
        return held, [each for each in found if each.state in IN_FORCE]

    def place(self, service: str, digest: str, text_digest: str) -> tuple[int, int, bool]:
        """Return which minor and patch number a revision has, or would get, and whether these words are held of it.

        Words of a revision that was never approved do not count; those with an empty digest are held.
        """
        this = and_(listings.c.service == service, listings.c.digest == digest)
        words = select(texts.c.text_digest).filter_by(service=service, digest=digest, text_digest=text_digest)
        with self._database.reading() as connection:
            held = connection.execute(select(listings.c.minor, listings.c.patch).where(this)).first()
            if held is None or held.minor is None:
                return connection.scalar(select(next_minor(service))) or 0, 0, True
            known = not text_digest or connection.execute(words).first() is not None
            return held.minor, held.patch, known

    def add(
        self, document: ListingDocument, judgement: Judgement | None = None, *, keep: bool = True
    ) -> tuple[Listing, bool]:
        """Keep a revision as `add_all` does, and tell whether it is new; without `keep` only tell what would be.

        Raises:
            OvertakenError: The judgement does not hold any more.
        """
        with self._database.writing(keep=keep) as connection:
            [result] = add_all(connection, [Entry(document, judgement)])
        if isinstance(result, OvertakenError):
            raise result
        return result

    def add_together(self, entries: Sequence[Entry]) -> Sequence[tuple[Listing, bool] | OvertakenError]:
        """Keep several as `add` does, in one transaction."""
        with self._database.writing() as connection:
            return add_all(connection, entries)

    def move(
        self, move: Move, author: Author, *, live: Sequence[str] = (), judgement: Judgement | None = None
    ) -> Listing | None:
        """Move a revision and return it; None when there is no such revision. To stay where it is changes nothing.

        Args:
            move: What was asked for.
            author: Who asked.
            live: Teams that still call this revision.
            judgement: What was found out about it just now; without one a revision does not come into force.

        Raises:
            OvertakenError: The judgement is missing, or does not hold any more.
            Refusal: It cannot go there, or not by this author, or not yet.
        """
        this = and_(listings.c.service == move.service, listings.c.digest == move.digest)
        with self._database.writing() as connection:
            held = _one(connection, this)
            if held is None:
                return None
            require_move(move, held, author)
            sunset, successor = move.after(held)
            fate = (move.state, sunset, successor, move.reason or (held.reason if move.state == held.state else ""))
            if fate == (held.state, held.sunset, held.successor, held.reason):
                return held
            if move.successor:
                _require_successor(connection, move.successor)
            if move.state == "retired" and held.state == "deprecated" and not move.force:
                _require_unused(held, live)
            if move.state == "approved" and held.state in ("draft", "pending"):
                _bring_into_force(connection, held, move, author, judgement)
            elif move.override:
                raise Refusal("invalid", "override", "override is for approving what was never approved before")
            state, sunset, successor, reason = fate
            values = {"state": state, "sunset": sunset, "successor": successor, "reason": reason}
            connection.execute(listings.update().where(this).values(**values, edition=listings.c.edition + 1))
            note(
                connection,
                Change(
                    kind="listing_moved",
                    team=held.team,
                    subject=held.service,
                    detail=held.digest,
                    state=state,
                    author=str(author),
                    reason=reason,
                ),
            )
            return _one(connection, this)


def _bring_into_force(
    connection: Connection, held: Listing, move: Move, author: Author, judgement: Judgement | None
) -> None:
    """Give a revision its number and keep the verdict by which it came into force."""
    if judgement is None:
        raise OvertakenError
    _require_up_to_date(connection, held.service, judgement)
    override = overriding(judgement.verdict, held, move, author)
    keep_verdicts(connection, [(held.service, held.digest, replace(judgement.verdict, override=override))])
    this = and_(listings.c.service == held.service, listings.c.digest == held.digest)
    first = and_(this, listings.c.minor.is_(None))
    connection.execute(listings.update().where(first).values(minor=connection.scalar(select(next_minor(held.service)))))
    if override is not None:
        about = {"team": held.team, "subject": held.service, "detail": held.digest}
        note(
            connection,
            Change(
                kind="listing_overridden", **about, state="approved", author=override.author, reason=override.reason
            ),
        )


def _require_up_to_date(connection: Connection, service: str, judgement: Judgement) -> None:
    query = select(listings.c.digest).where(listings.c.service == service, listings.c.state.in_(IN_FORCE))
    if frozenset(connection.scalars(query)) != judgement.in_force:
        raise OvertakenError


def _of_interest(service: str, digest: str) -> ColumnElement[bool]:
    """Select a revision and those that are in force."""
    return and_(listings.c.service == service, or_(listings.c.digest == digest, listings.c.state.in_(IN_FORCE)))


def _require_successor(connection: Connection, service: str) -> None:
    answers = select(listings.c.service).where(listings.c.service == service, listings.c.state.in_(ANSWERING))
    if connection.execute(answers.limit(1)).first() is None:
        raise Refusal("invalid", "successor", f"no revision of {service!r} answers here; publish the successor first")


def _require_unused(held: Listing, live: Sequence[str]) -> None:
    if held.sunset is not None and held.sunset > datetime.now(UTC):
        raise Refusal(
            "conflict",
            "force",
            f"{held.service!r} was promised to answer until {held.sunset:%Y-%m-%d %H:%M} UTC; wait, or use force",
        )
    if live:
        names = ", ".join(repr(name) for name in live)
        raise Refusal(
            "conflict",
            "force",
            f"{names} called this in the last seven days, or say that they call a service that nothing else answers "
            "for; let them move on, or use force",
        )


def _one(connection: Connection, which: ColumnElement[bool]) -> Listing | None:
    row = connection.execute(with_texts(documents=True).where(which)).mappings().first()
    return shown(row) if row else None
