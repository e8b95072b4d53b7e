"""Listings: the revisions of every service, and their documents."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, ScalarSelect, Select, and_, func, select, tuple_

from callboard_registry.changes import Change, note
from callboard_registry.database import Database
from callboard_registry.documents import ListingDocument
from callboard_registry.gate.deciding import Judgement, OvertakenError, overriding
from callboard_registry.gate.keeping import keep_verdict, kept_verdict, same_verdict
from callboard_registry.gate.numbers import numbered
from callboard_registry.life import ANSWERING, IN_FORCE, Author, Move, require_move
from callboard_registry.paging import taken
from callboard_registry.refusals import Refusal
from callboard_registry.search import index
from callboard_registry.tables import listings, texts, verdicts
from callboard_registry_api.model import ChangeKind, Listing, State

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
        query = _with_texts(documents=True).where(listings.c.service == service)
        if digest:
            query = query.where(listings.c.digest == digest)
        if states:
            query = query.where(listings.c.state.in_(states))
        with self._database.reading() as connection:
            row = connection.execute(query.order_by(listings.c.number.desc()).limit(1)).mappings().first()
        return _listing(row) if row else None

    def page(self, which: ListingFilter, *, after: tuple[str, int] | None, limit: int) -> tuple[list[Listing], bool]:
        """Return listings ordered by service and number, from behind `after`, and whether there are more."""
        conditions: list[ColumnElement[bool]] = []
        if which.team:
            conditions.append(listings.c.team == which.team)
        if which.states:
            conditions.append(listings.c.state.in_(which.states))
        query = _with_texts(documents=which.with_documents)
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
            return taken(map(_listing, rows), limit=limit, size=lambda listing: len(listing.document))

    def names(self) -> list[str]:
        """Return the name of every service that has a listing, in order."""
        with self._database.reading() as connection:
            return list(connection.scalars(select(listings.c.service).distinct().order_by(listings.c.service)))

    def in_force(self, service: str) -> list[Listing]:
        """Return the revisions whose callers are to be kept, approved or deprecated, the last approved first."""
        query = _with_texts(documents=True).where(listings.c.service == service, listings.c.state.in_(IN_FORCE))
        with self._database.reading() as connection:
            return list(map(_listing, connection.execute(query.order_by(listings.c.minor.desc())).mappings()))

    def place(self, service: str, digest: str, text_digest: str) -> tuple[int, int, bool]:
        """Return which minor and patch number a revision has, or would get, and whether these words are held of it.

        Words of a revision that was never approved do not count; those with an empty digest are held.
        """
        this = and_(listings.c.service == service, listings.c.digest == digest)
        words = select(texts.c.text_digest).filter_by(service=service, digest=digest, text_digest=text_digest)
        with self._database.reading() as connection:
            held = connection.execute(select(listings.c.minor, listings.c.patch).where(this)).first()
            if held is None or held.minor is None:
                return connection.scalar(select(_next_minor(service))) or 0, 0, True
            known = not text_digest or connection.execute(words).first() is not None
            return held.minor, held.patch, known

    def add(
        self, document: ListingDocument, judgement: Judgement | None = None, *, keep: bool = True
    ) -> tuple[Listing, bool]:
        """Keep a revision as draft, and tell whether it is new; without `keep` only tell what would be.

        A revision that is held already keeps its number and state. If only words differ (titles, descriptions,
        examples), the newest words are shown; words held before, that an older build brings along when it starts
        again, do not replace newer ones.

        Args:
            document: The revision.
            judgement: What was found out about it, to be kept with it; None leaves what is kept.
            keep: Whether to.

        Raises:
            OvertakenError: The judgement does not hold any more.
        """
        description = document.description
        revision = {"service": description.service, "digest": description.digest}
        text = {**revision, "text_digest": document.text_digest}
        now = datetime.now(UTC)
        this = and_(listings.c.service == description.service, listings.c.digest == description.digest)
        with self._database.writing(keep=keep) as connection:
            if judgement is not None:
                _require_up_to_date(connection, description.service, judgement)
            held = _one(connection, this)
            created = held is None
            if created:
                of_service = select(func.max(listings.c.number)).where(listings.c.service == description.service)
                number = (connection.scalar(of_service) or 0) + 1
                connection.execute(
                    listings.insert().values(**text, number=number, team=description.team, state="draft", created=now)
                )
                self._note(connection, "listing_published", document)
            if connection.execute(select(texts.c.summary).filter_by(**text)).first() is None:
                connection.execute(
                    texts.insert().values(
                        **text,
                        document=document.canonical,
                        summary=description.summary,
                        operations="\n".join(operation.name for operation in description.operations),
                        created=now,
                    )
                )
                connection.execute(listings.update().where(this).values(text_digest=document.text_digest))
                index(connection, description)
                if not created:
                    once_approved = and_(this, listings.c.minor.is_not(None))
                    connection.execute(listings.update().where(once_approved).values(patch=listings.c.patch + 1))
                    self._note(connection, "listing_reworded", document)
            if judgement is not None and not (held and same_verdict(held.verdict, judgement.verdict)):
                keep_verdict(connection, description.service, description.digest, judgement.verdict)
            listing = _one(connection, this)
        assert listing is not None, "it was inserted above"
        return listing, created

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

    @staticmethod
    def _note(connection: Connection, kind: ChangeKind, document: ListingDocument) -> None:
        about = document.description
        author = about.team
        note(connection, Change(kind=kind, team=about.team, subject=about.service, detail=about.digest, author=author))


def _bring_into_force(
    connection: Connection, held: Listing, move: Move, author: Author, judgement: Judgement | None
) -> None:
    """Give a revision its number and keep the verdict by which it came into force."""
    if judgement is None:
        raise OvertakenError
    _require_up_to_date(connection, held.service, judgement)
    override = overriding(judgement.verdict, held, move, author)
    keep_verdict(connection, held.service, held.digest, replace(judgement.verdict, override=override))
    this = and_(listings.c.service == held.service, listings.c.digest == held.digest)
    first = and_(this, listings.c.minor.is_(None))
    connection.execute(
        listings.update().where(first).values(minor=connection.scalar(select(_next_minor(held.service))))
    )
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


def _next_minor(service: str | ColumnElement[str]) -> ScalarSelect[int]:
    others = listings.alias()
    return select(func.coalesce(func.max(others.c.minor) + 1, 0)).where(others.c.service == service).scalar_subquery()


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
    row = connection.execute(_with_texts(documents=True).where(which)).mappings().first()
    return _listing(row) if row else None


@cache  # Putting the same statement together for every answer takes longer than many an answer.
def _with_texts(*, documents: bool) -> Select[*tuple[object, ...]]:
    words = (texts.c.summary, texts.c.operations, *((texts.c.document,) if documents else ()))
    # As long as a revision was never approved, the number that it would get.
    minor = func.coalesce(listings.c.minor, _next_minor(listings.c.service)).label("shown_minor")
    judged = [column for column in verdicts.c if column.name not in _KEYS and (documents or column.name != "found")]
    return (
        select(listings, *words, minor, *judged)
        .join(
            texts,
            and_(
                texts.c.service == listings.c.service,
                texts.c.digest == listings.c.digest,
                texts.c.text_digest == listings.c.text_digest,
            ),
        )
        .outerjoin(verdicts, and_(verdicts.c.service == listings.c.service, verdicts.c.digest == listings.c.digest))
    )


def _listing(row: RowMapping) -> Listing:
    revision = numbered(row[listings.c.service], row["shown_minor"], row[listings.c.patch])
    return Listing(
        service=row[listings.c.service],
        digest=row[listings.c.digest],
        number=row[listings.c.number],
        team=row[listings.c.team],
        state=row[listings.c.state],
        created=row[listings.c.created],
        document=row.get(texts.c.document, b""),
        summary=row[texts.c.summary],
        operations=tuple(row[texts.c.operations].split("\n")),
        etag=f"e{row[listings.c.edition]}",
        sunset=row[listings.c.sunset],
        successor=row[listings.c.successor],
        reason=row[listings.c.reason],
        revision=revision,
        verdict=kept_verdict(row, revision=revision),
    )
