"""The pages of signing in and out, and how the administrator makes links that sign somebody in once."""

import hmac
import logging
import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.signin.asking import NEXT, ON_THE_WAY, signin_page
from callboard_registry.console.signin.visits import Door, require_token, safe_path, visit
from callboard_registry.refusals import Refusal
from callboard_registry.signin.provider import Begun, Provider, ProviderError

CALLBACK: Final = "/signin/callback"
_BROWSER: Final = "callboard-signin"
"""The cookie that says that the browser that comes back is the one that was sent."""

log = logging.getLogger(__name__)


def signin_router(door: Door) -> APIRouter:
    """Serve the pages of signing in."""
    router = APIRouter(
        route_class=PageRoute, include_in_schema=False, dependencies=[Depends(door.visiting(signing_in=True))]
    )
    chosen = door.settings.provider
    provider = Provider(chosen, callback=door.settings.url + CALLBACK) if chosen else None

    @router.get("/signin", response_class=HTMLResponse)
    async def signin(next: Annotated[str, Query()] = "") -> HTMLResponse:
        """Show the ways to sign in."""
        return signin_page(next=next)

    @router.get("/signin/link/{token}", response_class=HTMLResponse)
    async def link(request: Request, token: str) -> HTMLResponse:
        """Ask whether to sign in by a link. Looking uses nothing up: programs look at links too."""
        door.throttle.require(_address(request))
        content = await door.keeping.look("link", token)
        if content is None:
            raise _used_up(door, request)
        return page("signin_link.html", section="", name=content["name"], token=token)

    @router.post("/signin/link/{token}")
    async def take_link(request: Request, token: str) -> Response:
        """Sign in by a link, and use it up."""
        door.throttle.require(_address(request))
        content = await door.keeping.take("link", token)
        if content is None:
            raise _used_up(door, request)
        response = RedirectResponse(safe_path(request.cookies.get(NEXT, "")), 303)
        response.delete_cookie(NEXT, path="/signin", httponly=True, secure=door.settings.secure)
        await door.let_in(request, response, str(content["name"]), {"by": "link", "granted": content["granted"]})
        return response

    @router.get("/signin/provider")
    async def leave(request: Request, next: Annotated[str, Query()] = "") -> Response:
        """Send the browser to the identity provider."""
        if provider is None:
            raise Refusal("not_found", "", "no identity provider is set here; `callboard persons link` makes a link")
        door.throttle.begin(_address(request))
        begun = Begun.new()
        browser = secrets.token_urlsafe(24)
        waiting = {"nonce": begun.nonce, "verifier": begun.verifier, "browser": browser, "next": safe_path(next)}
        state = await door.keeping.issue("provider", waiting, lifetime=ON_THE_WAY)
        try:
            response = RedirectResponse(await provider.address(begun, state), 303)
        except ProviderError as error:
            raise _failed(error) from error
        response.set_cookie(
            _BROWSER,
            browser,
            max_age=int(ON_THE_WAY.total_seconds()),
            path=CALLBACK,
            httponly=True,
            secure=door.settings.secure,
            samesite="lax",
        )
        return response

    @router.get(CALLBACK)
    async def come_back(
        request: Request,
        state: Annotated[str, Query(max_length=500)] = "",
        code: Annotated[str, Query(max_length=4000)] = "",
        error: Annotated[str, Query(max_length=500)] = "",
        iss: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        """Take who comes back from the identity provider."""
        address = _address(request)
        door.throttle.require(address)
        waiting = await door.keeping.take("provider", state)
        browser = request.cookies.get(_BROWSER, "")
        if provider is None or waiting is None or not _same(browser, str(waiting["browser"])):
            door.throttle.failed(address)
            raise Refusal(
                "invalid", "", "this way to sign in was taken already, took too long, or began in another browser;"
                " sign in again",
            )  # fmt: skip
        if error or not code:
            door.throttle.failed(address)
            raise Refusal("denied", "", f"the identity provider did not let you in ({error or 'no code'!r})")
        begun = Begun(nonce=str(waiting["nonce"]), verifier=str(waiting["verifier"]))
        try:
            proved = await provider.finish(begun, code, iss)
        except ProviderError as failed:
            door.throttle.failed(address)
            raise _failed(failed) from failed
        response = RedirectResponse(safe_path(str(waiting["next"])), 303)
        response.delete_cookie(_BROWSER, path=CALLBACK, httponly=True, secure=door.settings.secure)
        await door.let_in(request, response, proved.name, {"by": "provider", "groups": proved.groups})
        return response

    @router.post("/signout")
    async def signout(request: Request) -> Response:
        """End the session."""
        require_token(visit())
        response = RedirectResponse("/signin", 303)
        await door.let_out(request, response)
        return response

    del signin, link, take_link, leave, come_back, signout  # they live in the router now
    return router


def _used_up(door: Door, request: Request) -> Refusal:
    door.throttle.failed(_address(request))
    return Refusal(
        "gone", "", "this link was used already, or is too old; `callboard persons link` makes another, good once"
    )


def _failed(error: ProviderError) -> Refusal:
    log.warning("nobody was signed in: %s", error)
    return Refusal("denied", "", f"you are not signed in: {error}")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
