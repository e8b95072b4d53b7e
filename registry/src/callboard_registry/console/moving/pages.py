"""The page of one move: whom it concerns, what it takes, and the move itself."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from callboard_registry.console.filters import one_of
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.moving.moves import Way, author_of, move_sent, open_ways
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.signin.visits import visit
from callboard_registry.gate.gate import Comparison
from callboard_registry.life import Author
from callboard_registry.refusals import Kind, Refusal
from callboard_registry_api.model import STATES, Listing

_SEEN: Final = timedelta(days=30)
_STATUS: Final[dict[Kind, int]] = {"invalid": 400, "denied": 403, "conflict": 409}

Digest = Annotated[str, Query(max_length=200)]
State = Annotated[str, Query(alias="to", max_length=20)]


def moving_router(knowledge: Knowledge) -> APIRouter:
    """Serve the pages."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    registry = knowledge.registry

    @router.get("/services/{service}/move", response_class=HTMLResponse)
    async def ask(service: str, digest: Digest, to: State) -> Response:
        """Show whom a move concerns, before it is made."""
        listing = await registry.get_listing(service, digest=digest)
        return await shown(listing, *chosen(listing, to))

    @router.post("/services/{service}/move")
    async def make(service: str, digest: Digest, to: State) -> Response:
        """Make a move."""
        listing = await registry.get_listing(service, digest=digest)
        way, author = chosen(listing, to)
        now = visit()
        try:
            if way.state == "revoked" and not now.text("meant"):
                raise Refusal("invalid", "meant", "it is for ever: say that this is meant")
            move = move_sent(listing, way.state, now)
            if not move.etag:
                raise Refusal("conflict", "etag", "the form does not say what you saw; open the page again")
            await registry.move(move, author)
        except Refusal as refused:
            if refused.kind not in _STATUS:
                raise
            # As it stands now: somebody else may have moved it meanwhile.
            return await shown(listing, way, author, trouble=refused.message, status=_STATUS[refused.kind])
        return RedirectResponse(f"/services/{service}?digest={digest}", 303)

    def chosen(listing: Listing, to: str) -> tuple[Way, Author]:
        state = one_of("to", to, list(STATES))
        author = author_of(registry, visit(), listing)
        way = next((each for each in open_ways(listing, author) if each.state == state), None)
        if way is not None and author is not None:
            return way, author
        if author is None:
            of = f"publishers of {listing.team!r} and administrators"
            raise Refusal("denied", "", f"{listing.service!r} is moved by {of}; an administrator grants that")
        ways = ", ".join(each.state for each in open_ways(listing, author)) or "nothing else"
        raise Refusal(
            "conflict",
            "state",
            f"{listing.service!r} is {listing.state}; {author} may make it {ways}, but not {state}."
            " Open the service's page to see what it is now",
        )

    async def shown(listing: Listing, way: Way, author: Author, *, trouble: str = "", status: int = 200) -> Response:
        consumers = await registry.auditing.consumers(listing.service, since=datetime.now(UTC) - _SEEN)
        judged = way.state == "approved" and listing.state in ("draft", "pending")
        compared = Comparison(service=listing.service, to_digest=listing.digest)
        sent = visit()
        answered = page(
            "move.html",
            section="catalog",
            listing=listing,
            way=way,
            author=author,
            live=await registry.live(listing.service, listing.digest),
            # Of which revision a call was, old records do not say.
            consumers=[each for each in consumers if each.revision in ("", listing.digest)],
            verdict=await registry.compare_listings(compared) if judged else None,
            services=[name for name in await registry.services() if name != listing.service],
            is_early=listing.sunset is not None and listing.sunset > datetime.now(UTC),
            trouble=trouble,
            sent={name: sent.text(name) for name in ("reason", "sunset", "successor", "force", "override", "meant")},
        )
        answered.status_code = status
        return answered

    del ask, make  # they live in the router now
    return router
