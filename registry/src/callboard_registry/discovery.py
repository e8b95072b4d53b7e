"""What a team may call, for whoever chooses for it: names and one line each first, then schemas on demand."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, cast

from sqlalchemy import and_, func, select

from callboard_registry.access import Proving
from callboard_registry.database import Database
from callboard_registry.life import ANSWERING
from callboard_registry.paging import page_size, position_of, taken, token_at
from callboard_registry.reach import Reaches
from callboard_registry.refusals import Refusal
from callboard_registry.search import Question, Search
from callboard_registry.tables import listings, operations, texts
from callboard_registry.threads import Threads
from callboard_registry_api.client import Page
from callboard_registry_api.discovery import DescribedOperation, Discovered, OperationName
from callboard_registry_api.model import FoundOperation, State

DEEPEST: Final = 10_000
"""How many found operations a reader can go through; whoever needs more asks a better question."""

MOST_NAMED: Final = 200
"""Operations that are described at a time."""

_MOST_SERVICES: Final = 100
"""Services that are named beside what was found."""


class Discovery:
    """Finds operations, and says what a caller must know of them.

    Where reading needs a token, who asks for a caller must be it (or the administrator): pass `proving`. Tokens are
    those of the `authorization` header, signed to read or for the method named; None when any method will do.
    """

    def __init__(self, database: Database, threads: Threads, *, proving: Proving | None = None) -> None:
        self._database = database
        self._threads = threads
        self._proving = proving
        self._search = Search(database)
        self._reaches = Reaches(database)

    async def search(
        self,
        question: Question,
        *,
        caller: str = "",
        size: int = 0,
        page_token: str = "",
        token: str | None = None,
        method: str | None = None,
    ) -> Page[FoundOperation]:
        """Return one page of operations that fit, the best first; with a caller only what it may call."""
        await self._require_caller(caller, token, method)
        filters = ["search", *vars(question).values(), caller]
        limit = page_size(size, default=50, most=200)
        offset = _offset(page_token, filters)

        def found() -> tuple[list[FoundOperation], bool]:
            only = self._reaches.of(caller, question.states).operations if caller else None
            return self._search.find(question, offset=offset, limit=limit, only=only)

        operations_found, next_page_token = _page(await self._threads.read(found), offset + limit, filters)
        return Page(tuple(operations_found), next_page_token)

    async def discover(
        self,
        caller: str,
        words: str,
        *,
        states: Sequence[State] = (),
        size: int = 0,
        page_token: str = "",
        token: str | None = None,
        method: str | None = None,
    ) -> Discovered:
        """Return a page of what `caller` may have a model call, the best first, and how much there is in all."""
        if not caller:
            raise Refusal("invalid", "caller", "caller is empty; name the team that asks")
        await self._require_caller(caller, token, method)
        question = Question(words=words, states=tuple(states), for_models=True, any_word=True)
        filters = ["discover", *vars(question).values(), caller]
        limit = page_size(size, default=20, most=200)
        offset = _offset(page_token, filters)

        def found():
            reach = self._reaches.of(caller, states)
            return reach, self._search.find(question, offset=offset, limit=limit, only=reach.for_models)

        reach, page = await self._threads.read(found)
        operations_found, next_page_token = _page(page, offset + limit, filters)
        return Discovered(
            operations=tuple(operations_found),
            next_page_token=next_page_token,
            total=len(reach.for_models),
            total_services=len(reach.services),
            services=reach.services[:_MOST_SERVICES],
            as_of=str(reach.as_of),
        )

    async def describe(
        self,
        names: Sequence[OperationName],
        *,
        caller: str = "",
        states: Sequence[State] = (),
        token: str | None = None,
        method: str | None = None,
    ) -> tuple[list[DescribedOperation], int]:
        """Return what is in force of these operations, and how many of them were looked at.

        What is not held, or may not be called by `caller`, is left out.
        """
        if len(names) > MOST_NAMED:
            raise Refusal(
                "invalid", "operations", f"{len(names)} operations are asked for; ask for {MOST_NAMED} at a time"
            )
        await self._require_caller(caller, token, method)
        return await self._threads.read(lambda: self._described(names, caller, states))

    async def describe_one(
        self, name: OperationName, *, caller: str = "", states: Sequence[State] = (), token: str | None = None
    ) -> DescribedOperation:
        """Return what is in force of one operation."""
        found, _ = await self.describe([name], caller=caller, states=states, token=token)
        if not found:
            what = f"{name.service} {name.operation}"
            among = f" that is {' or '.join(states)}" if states else ""
            whom = f" that {caller!r} may call and a model too" if caller else ""
            raise Refusal(
                "not_found", "operation", f"there is no {what}{among}{whom}; `callboard catalog search` shows what is"
            )
        return found[0]

    async def _require_caller(self, caller: str, token: str | None, method: str | None) -> None:
        proving = self._proving
        if not caller or proving is None or (token is not None and proving.is_administrator(token)):
            return
        proof = await self._threads.read(lambda: proving.reader(token, method))
        if proof.team != caller:
            raise Refusal("denied", "caller", f"this is asked for {caller!r}, but {proof.team!r} signed it")

    def _described(
        self, names: Sequence[OperationName], caller: str, states: Sequence[State]
    ) -> tuple[list[DescribedOperation], int]:
        reach = self._reaches.of(caller, states) if caller else None
        in_force = self._in_force({name.service for name in names}, states, None if reach is None else reach.for_models)
        held = [(position, in_force.get(name)) for position, name in enumerate(names, start=1)]
        found, more = taken(
            ((position, each) for position, each in held if each is not None),
            limit=MOST_NAMED,
            size=lambda one: len(one[1].document),
        )
        looked_at = found[-1][0] if more else len(names)
        return [each for _, each in found], looked_at

    def _in_force(
        self, services: set[str], states: Sequence[State], only: frozenset[int] | None
    ) -> Mapping[OperationName, DescribedOperation]:
        newest = (
            select(listings.c.service, func.max(listings.c.number).label("number"))
            .where(listings.c.state.in_(states or ANSWERING), listings.c.service.in_(services))
            .group_by(listings.c.service)
            .subquery()
        )
        this_text = and_(
            texts.c.service == listings.c.service,
            texts.c.digest == listings.c.digest,
            texts.c.text_digest == listings.c.text_digest,
        )
        this = and_(newest.c.service == listings.c.service, newest.c.number == listings.c.number)
        with self._database.reading() as connection:
            revisions = connection.execute(
                select(listings, texts.c.document).join(newest, this).join(texts, this_text)
            ).mappings()
            found: dict[OperationName, DescribedOperation] = {}
            for row in revisions.all():
                query = select(operations.c.id, operations.c.name).where(
                    operations.c.service == row[listings.c.service], operations.c.digest == row[listings.c.digest]
                )
                ids = {one.name: one.id for one in connection.execute(query).all()}
                document = cast(dict[str, object], json.loads(row[texts.c.document]))
                for operation in cast(list[dict[str, object]], document["operations"]):
                    name = cast(str, operation["name"])
                    if only is not None and ids.get(name) not in only:
                        continue
                    found[OperationName(row[listings.c.service], name)] = DescribedOperation(
                        service=row[listings.c.service],
                        digest=row[listings.c.digest],
                        state=row[listings.c.state],
                        team=row[listings.c.team],
                        endpoint=cast(str, document["endpoint"]),
                        operation=name,
                        document=json.dumps(operation, ensure_ascii=False, separators=(",", ":")).encode(),
                        successor=row[listings.c.successor],
                    )
        return found


def _offset(page_token: str, filters: object) -> int:
    offset = int(position_of(page_token, like=(0,), filters=filters)[0]) if page_token else 0
    return min(offset, DEEPEST)


def _page(found: tuple[list[FoundOperation], bool], behind: int, filters: object) -> tuple[list[FoundOperation], str]:
    operations_found, more = found
    return operations_found, token_at((behind,), filters=filters) if more and behind < DEEPEST else ""
