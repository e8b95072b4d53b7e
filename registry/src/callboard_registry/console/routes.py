"""Answers persons with pages, also where something cannot be shown."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DataError, OperationalError
from typing_extensions import override

from callboard_registry.console.rendering import refusal
from callboard_registry.console.signin.asking import signin_page
from callboard_registry.console.signin.visits import SESSION
from callboard_registry.refusals import Kind, Refusal

_TITLES: Final[dict[Kind, tuple[int, str]]] = {
    "invalid": (400, "That cannot be asked"),
    "not_found": (404, "Not here"),
    "unauthenticated": (401, "Reading needs a token here"),
    "denied": (403, "Not for you"),
    "conflict": (409, "Somebody was faster"),
    "exhausted": (429, "Too many requests"),
    "gone": (410, "Gone"),
}


class PageRoute(APIRoute):
    """A route whose refusals are pages that say what to do."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:  # Any: as in the base class
        """See base class."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Refusal as refused:
                if refused.field == SESSION:
                    return signin_page(refused=True)
                status, title = _TITLES[refused.kind]
                return refusal(status, title=title, message=refused.message)
            except (RequestValidationError, DataError):
                message = "the address holds something that can name nothing here; start again from the catalog"
                return refusal(400, title=_TITLES["invalid"][1], message=message)
            except OperationalError:
                message = "the registry's database does not answer; try again in a moment"
                return refusal(503, title="Out for a moment", message=message)

        return answer
