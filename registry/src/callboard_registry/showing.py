"""Listings as they are read: a revision with its newest words, its number and what was found out about it."""

from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, ScalarSelect, Select, and_, func, select

from callboard_registry.gate.keeping import kept_verdict
from callboard_registry.gate.numbers import numbered
from callboard_registry.tables import listings, texts, verdicts
from callboard_registry_api.model import Listing

_KEYS: Final = ("service", "digest")


@cache  # Putting the same statement together for every answer takes longer than many an answer.
def with_texts(*, documents: bool) -> Select[*tuple[object, ...]]:
    """Select listings with their words, and what the gate found out, `documents` and all findings included."""
    words = (texts.c.summary, texts.c.operations, *((texts.c.document,) if documents else ()))
    # As long as a revision was never approved, the number that it would get.
    minor = func.coalesce(listings.c.minor, next_minor(listings.c.service)).label("shown_minor")
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


def shown(row: RowMapping) -> Listing:
    """Return the listing that a row of `with_texts` tells of."""
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


def next_minor(service: str | ColumnElement[str]) -> ScalarSelect[int]:
    """Select the minor number that the next approved revision of a service gets."""
    others = listings.alias()
    return select(func.coalesce(func.max(others.c.minor) + 1, 0)).where(others.c.service == service).scalar_subquery()
