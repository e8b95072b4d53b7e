"""The catalog: every service, or the operations that fit a few words."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from callboard_registry.catalog import ListingFilter
from callboard_registry.console.filters import one_of
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.life import ANSWERING
from callboard_registry.search import Question
from callboard_registry_api.model import STATES, State

_SERVICES: Final = 50
_OPERATIONS: Final = 50


def catalog_router(knowledge: Knowledge) -> APIRouter:
    """Serve the catalog."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    registry = knowledge.registry

    @router.get("/catalog", response_class=HTMLResponse)
    async def catalog(
        q: Annotated[str, Query(max_length=400)] = "",
        team: str = "",
        state: str = "",
        effect: str = "",
        after: str = "",
    ) -> HTMLResponse:
        """Show services, or what the words find."""
        states: tuple[State, ...] = (one_of("state", state, list(STATES)),) if state else ()
        asked = {"q": q, "team": team, "state": state, "effect": effect}
        context: dict[str, object] = {
            "asked": asked,
            "states": list(STATES),
            "teams": await knowledge.teams(),
            "section": "catalog",
        }
        if q or effect:
            question = Question(words=q, effect=effect, team=team, states=states)
            found = await registry.discovery.search(question, size=_OPERATIONS, page_token=after)
            return page("found.html", **context, found=found.items, more=found.next_page_token)
        which = ListingFilter(team=team, states=states or ANSWERING, with_documents=False)
        listed = await registry.list_listings(which, size=_SERVICES, page_token=after)
        return page(
            "catalog.html",
            **context,
            listings=listed.items,
            more=listed.next_page_token,
            health=await knowledge.health(),
            week=await knowledge.week(),
        )

    del catalog  # it lives in the router now
    return router
