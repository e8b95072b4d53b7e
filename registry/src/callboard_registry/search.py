"""Finds operations by what they are called, say, take, answer and do."""

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    Select,
    and_,
    any_,
    case,
    func,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from callboard_contracts import ServiceDescription
from callboard_registry.database import Database
from callboard_registry.life import ANSWERING
from callboard_registry.tables import listings, operations, texts
from callboard_registry.wording import Wanted, wanted_by, words_in
from callboard_registry_api.model import FoundOperation, State

_MOST_INDEXED: Final = 5_000
_TITLE_WEIGHT: Final = 5.0
"""How much more a word in the name counts than one elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to look for. Whatever is empty does not matter."""

    words: str = ""
    """Operations with all of these, or with any when none has all; each word may be the beginning of one. Fillers like
    `the` and `please` do not count."""

    operation: str = ""
    """A part of the operation's name."""

    field: str = ""
    """The name of a field in the input or the output, at any depth."""

    effect: str = ""
    team: str = ""
    states: tuple[State, ...] = ()
    """Empty: the states in which calls are answered."""

    for_models: bool = False
    """Only what a model may call."""

    any_word: bool = False
    """Whether any of the words will do from the start: a question in sentences."""


class Search:
    """The index of operations. Of each service, the newest revision in one of the wanted states is found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self, question: Question, *, offset: int, limit: int, only: Collection[int] | None = None
    ) -> tuple[list[FoundOperation], bool]:
        """Return operations, those first that fit best, and whether there are more; with `only`, some of these ids."""
        wanted = wanted_by(question.words)
        with self._database.reading() as connection:
            look = partial(_matching, connection, question, wanted, only=only)
            if question.any_word:
                found = look(all_of_them=False, offset=offset, limit=limit + 1)
            else:
                found = look(all_of_them=True, offset=offset, limit=limit + 1)
                # A question in whole sentences has words that no operation knows.
                if not found and len(wanted) > 1 and not (offset and look(all_of_them=True, offset=0, limit=1)):
                    found = look(all_of_them=False, offset=offset, limit=limit + 1)
        return found[:limit], len(found) > limit


def index_missing(database: Database) -> None:
    """Index the listings that an earlier registry kept without an index."""
    known = select(operations.c.id).where(
        operations.c.service == listings.c.service, operations.c.digest == listings.c.digest
    )
    missing = (
        select(listings.c.service, listings.c.digest, texts.c.document)
        .join(
            texts,
            and_(
                texts.c.service == listings.c.service,
                texts.c.digest == listings.c.digest,
                texts.c.text_digest == listings.c.text_digest,
            ),
        )
        .where(~known.exists())
    )
    with database.reading() as connection:
        if connection.execute(missing.limit(1)).first() is None:
            return
    with database.writing() as connection:
        for row in connection.execute(missing).all():
            index(connection, [ServiceDescription.model_validate_json(cast(bytes, row.document))])


def index(connection: Connection, descriptions: Iterable[ServiceDescription], *, known: bool = False) -> None:
    """Put the operations of revisions into the index; if they are `known`, in place of what it said of them before."""
    rows: list[dict[str, object]] = []
    for description in descriptions:
        if known:
            this = and_(operations.c.service == description.service, operations.c.digest == description.digest)
            connection.execute(operations.delete().where(this))
        rows += _entries(description)
    connection.execute(operations.insert(), rows)


def _entries(description: ServiceDescription) -> Iterator[dict[str, object]]:
    for position, operation in enumerate(description.operations):
        taken, said_of_input = _named_and_said(operation.input)
        given, said_of_output = _named_and_said(operation.output)
        fields = sorted(taken | given)
        said = (
            operation.summary,
            operation.description,
            description.service,
            description.summary,
            *fields,
            *said_of_input,
            *said_of_output,
        )
        yield {
            "service": description.service,
            "digest": description.digest,
            "position": position,
            "name": operation.name,
            "summary": operation.summary,
            "kind": operation.promise.kind,
            "effect": operation.promise.effect,
            "model_callable": operation.promise.model_callable,
            "fields": "\n".join(["", *fields, ""]),
            "title": _indexed(operation.name),
            "words": _indexed(*said),
        }


def in_force(states: Sequence[State]) -> Select[*tuple[object, ...]]:
    """Select operations and their listings: of each service, the newest revision in one of `states`."""
    newest = (
        select(listings.c.service, func.max(listings.c.number).label("number"))
        .where(listings.c.state.in_(states or ANSWERING))
        .group_by(listings.c.service)
        .subquery()
    )
    return (
        select(operations, listings.c.state, listings.c.team, listings.c.successor)
        .join(listings, and_(listings.c.service == operations.c.service, listings.c.digest == operations.c.digest))
        .join(newest, and_(newest.c.service == listings.c.service, newest.c.number == listings.c.number))
    )


def _matching(
    connection: Connection,
    question: Question,
    wanted: Sequence[Wanted],
    *,
    only: Collection[int] | None,
    all_of_them: bool,
    offset: int,
    limit: int,
) -> list[FoundOperation]:
    query = in_force(question.states).where(*_filters(question))
    if only is not None:
        query = query.where(_among(only, postgresql=connection.dialect.name == "postgresql"))
    if wanted and connection.dialect.name == "postgresql":
        query = _in_postgresql(connection, query, wanted, all_of_them=all_of_them)
    elif wanted:
        query = _in_sqlite(query, wanted, all_of_them=all_of_them)
    query = query.order_by(operations.c.service, operations.c.position).offset(offset).limit(limit)
    return [
        FoundOperation(
            service=row[operations.c.service],
            digest=row[operations.c.digest],
            state=row[listings.c.state],
            team=row[listings.c.team],
            operation=row[operations.c.name],
            summary=row[operations.c.summary],
            kind=row[operations.c.kind],
            effect=row[operations.c.effect],
            successor=row[listings.c.successor],
        )
        for row in connection.execute(query).mappings()
    ]


def _filters(question: Question) -> Iterator[ColumnElement[bool]]:
    if question.team:
        yield listings.c.team == question.team
    if question.effect:
        yield operations.c.effect == question.effect
    if question.operation:
        yield operations.c.name.icontains(question.operation, autoescape=True)
    if question.field:
        yield operations.c.fields.icontains(f"\n{question.field}\n", autoescape=True)
    if question.for_models:
        yield operations.c.model_callable


def _among(ids: Collection[int], *, postgresql: bool) -> ColumnElement[bool]:
    # As one value: there may be more ids than a statement can have values.
    if postgresql:
        return operations.c.id == any_(cast_to(list(ids), ARRAY(BigInteger)))
    listed = func.json_each(json.dumps(list(ids))).table_valued("value")
    return operations.c.id.in_(select(listed.c.value))


_Found = Select[*tuple[object, ...]]


def _in_sqlite(query: _Found, wanted: Sequence[Wanted], *, all_of_them: bool) -> _Found:
    # Words are letters and digits, so that none of them can say something to the index's own language.
    if all_of_them:
        terms = [f'"{each.beginning}"*' for each in wanted]
    else:
        terms = [f'"{term}"' if exact else f'"{term}"*' for each in wanted for term, exact in _terms(each)]
    rank = literal_column(f"bm25(operations_found, {_TITLE_WEIGHT}, 1.0)", Float)
    return (
        query.join(text("operations_found"), text("operations_found.rowid = operations.id"))
        .where(
            text("operations_found MATCH :wanted").bindparams(wanted=(" AND " if all_of_them else " OR ").join(terms))
        )
        .order_by(rank)
    )


def _in_postgresql(connection: Connection, query: _Found, wanted: Sequence[Wanted], *, all_of_them: bool) -> _Found:
    vector = literal_column("operations.operations_found", TSVECTOR)

    if all_of_them:
        terms, in_titles = ([f"{each.beginning}:*{label}" for each in wanted] for label in ("", "A"))
    else:
        terms, in_titles = (
            ["(" + " | ".join(_lexeme(term, exact, label) for term, exact in _terms(each)) + ")" for each in wanted]
            for label in ("", "A")
        )

    def has(term: str) -> ColumnElement[bool]:
        return vector.bool_op("@@")(func.to_tsquery("simple", term))

    # PostgreSQL's own ranks do not know that a rare word says more than a common one. This is BM25, as in SQLite.
    counted = select(
        select(func.count()).select_from(operations).scalar_subquery(),
        select(func.avg(func.length(vector))).select_from(operations).scalar_subquery(),
        *(select(func.count()).select_from(operations).where(has(term)).scalar_subquery() for term in terms),
    )
    everything, average, *among = cast(Sequence[float], connection.execute(counted).one())
    length = 0.25 + 0.75 * func.length(vector) / float(average or 1)
    score: ColumnElement[float] = literal(0.0)
    for term, in_title, count in zip(terms, in_titles, among, strict=True):
        rarity = math.log(1 + (everything - count + 0.5) / (count + 0.5))
        often = case((has(in_title), _TITLE_WEIGHT), (has(term), 1.0), else_=0.0)
        score = score + rarity * 2.2 * often / (often + 1.2 * length)
    return query.where(has((" & " if all_of_them else " | ").join(terms))).order_by(score.desc())


def _lexeme(term: str, exact: bool, label: str) -> str:
    how = label if exact else f"*{label}"
    return f"{term}:{how}" if how else term


def _terms(wanted: Wanted) -> Iterator[tuple[str, bool]]:
    """Yield what to look for instead of a word, and whether it must be there exactly."""
    yield (wanted.word, True) if wanted.exact else (wanted.beginning, False)
    for beginning in wanted.same:
        yield beginning, False


def _indexed(*texts_said: str) -> str:
    return " ".join(dict.fromkeys(list(words_in(" ".join(texts_said)))[:_MOST_INDEXED]))


def _named_and_said(schema: Mapping[str, object]) -> tuple[set[str], list[str]]:
    """Return the names of a schema's fields, and its titles and descriptions, at any depth."""
    names: set[str] = set()
    said: list[str] = []
    left: list[object] = [schema]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            members = cast(dict[str, object], part)
            if isinstance(properties := members.get("properties"), dict):
                names.update(cast(dict[str, object], properties))
            for name in ("title", "description"):
                if isinstance(words := members.get(name), str):
                    said.append(words)
            left += members.values()
        elif isinstance(part, list):
            left += cast(list[object], part)
    return names, said
