"""Writing revisions down: those that are new with one statement per table, whatever their number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, or_, select, tuple_

from callboard_registry.changes import Change, note_all
from callboard_registry.documents import ListingDocument
from callboard_registry.gate.deciding import Judgement, OvertakenError
from callboard_registry.gate.keeping import keep_verdicts, same_verdict
from callboard_registry.life import IN_FORCE
from callboard_registry.search import index
from callboard_registry.showing import shown, with_texts
from callboard_registry.tables import listings, texts
from callboard_registry_api.model import ChangeKind, Listing


class Revision(NamedTuple):
    """What names a revision."""

    service: str
    digest: str


@dataclass(frozen=True)
class Entry:
    """A revision to be kept, and what was found out about it; None leaves what is kept of that."""

    document: ListingDocument
    judgement: Judgement | None = None

    @property
    def revision(self) -> Revision:
        """Return what names it."""
        return Revision(self.document.description.service, self.document.description.digest)


def add_all(connection: Connection, entries: Sequence[Entry]) -> list[tuple[Listing, bool] | OvertakenError]:
    """Keep revisions as drafts, and return each as it is held and whether it is new.

    One that is held already keeps its number and state. If only words differ (titles, descriptions, examples), the
    newest words are shown; words held before, that an older build brings along when it starts again, do not replace
    newer ones. In the place of one whose judgement does not hold any more stands the error that says so.
    """
    held, in_force = _known(connection, entries)
    timely = [
        each
        for each in entries
        if each.judgement is None or each.judgement.in_force == in_force.get(each.revision.service, frozenset())
    ]
    new: dict[Revision, Entry] = {}
    again: list[Entry] = []
    for each in timely:
        if each.revision in held or each.revision in new:
            again.append(each)
        else:
            new[each.revision] = each
    _insert(connection, list(new.values()))
    for each in again:
        _add_again(connection, each)
    now_held = _held(connection, {each.revision for each in timely})
    first = {id(each) for each in new.values()}
    on_time = {id(each) for each in timely}
    return [
        (now_held[each.revision], id(each) in first) if id(each) in on_time else OvertakenError() for each in entries
    ]


def _known(connection: Connection, entries: Iterable[Entry]) -> tuple[set[Revision], Mapping[str, frozenset[str]]]:
    """Return which of these are held, and the digests that are in force of each service."""
    revisions = {each.revision for each in entries}
    in_question = and_(
        listings.c.service.in_({service for service, _ in revisions}),
        or_(listings.c.digest.in_({digest for _, digest in revisions}), listings.c.state.in_(IN_FORCE)),
    )
    held: set[Revision] = set()
    in_force: dict[str, set[str]] = {}
    query = select(listings.c.service, listings.c.digest, listings.c.state).where(in_question)
    for row in connection.execute(query):
        held.add(Revision(row.service, row.digest))
        if row.state in IN_FORCE:
            in_force.setdefault(row.service, set()).add(row.digest)
    return held, {service: frozenset(digests) for service, digests in in_force.items()}


def _insert(connection: Connection, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    now = datetime.now(UTC)
    last = _last_numbers(connection, {each.revision.service for each in entries})
    rows: list[dict[str, object]] = []
    for each in entries:
        service = each.revision.service
        last[service] = number = last.get(service, 0) + 1
        rows.append(
            {
                **each.revision._asdict(),
                "text_digest": each.document.text_digest,
                "number": number,
                "team": each.document.description.team,
                "state": "draft",
                "created": now,
            }
        )
    connection.execute(listings.insert(), rows)
    note_all(connection, [_change("listing_published", each) for each in entries])
    connection.execute(texts.insert(), [_words(each, now) for each in entries])
    index(connection, [each.document.description for each in entries])
    keep_verdicts(
        connection,
        [
            (each.revision.service, each.revision.digest, each.judgement.verdict)
            for each in entries
            if each.judgement is not None
        ],
    )


def _last_numbers(connection: Connection, services: set[str]) -> dict[str, int]:
    last = func.max(listings.c.number).label("last")
    query = select(listings.c.service, last).where(listings.c.service.in_(services)).group_by(listings.c.service)
    return {row.service: row.last for row in connection.execute(query)}


def _add_again(connection: Connection, entry: Entry) -> None:
    """Take what is new about a revision that is held: other words, another verdict."""
    description = entry.document.description
    this = and_(listings.c.service == description.service, listings.c.digest == description.digest)
    words = _words(entry, datetime.now(UTC))
    names = ("service", "digest", "text_digest")
    same = select(texts.c.summary).filter_by(**{name: words[name] for name in names})
    if connection.execute(same).first() is None:
        connection.execute(texts.insert().values(**words))
        connection.execute(listings.update().where(this).values(text_digest=entry.document.text_digest))
        once_approved = and_(this, listings.c.minor.is_not(None))
        connection.execute(listings.update().where(once_approved).values(patch=listings.c.patch + 1))
        index(connection, [description], known=True)
        note_all(connection, [_change("listing_reworded", entry)])
    if entry.judgement is not None:
        [held] = _held(connection, {entry.revision}).values()
        if not same_verdict(held.verdict, entry.judgement.verdict):
            service, digest = entry.revision
            keep_verdicts(connection, [(service, digest, entry.judgement.verdict)])


def _held(connection: Connection, revisions: set[Revision]) -> dict[Revision, Listing]:
    if not revisions:
        return {}
    these = tuple_(listings.c.service, listings.c.digest).in_(sorted(revisions))
    rows = connection.execute(with_texts(documents=True).where(these)).mappings()
    return {Revision(listing.service, listing.digest): listing for listing in map(shown, rows)}


def _words(entry: Entry, now: datetime) -> dict[str, object]:
    description = entry.document.description
    return {
        **entry.revision._asdict(),
        "text_digest": entry.document.text_digest,
        "document": entry.document.canonical,
        "summary": description.summary,
        "operations": "\n".join(operation.name for operation in description.operations),
        "created": now,
    }


def _change(kind: ChangeKind, entry: Entry) -> Change:
    about = entry.document.description
    return Change(kind=kind, team=about.team, subject=about.service, detail=about.digest, author=about.team)
