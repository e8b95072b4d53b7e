"""The visit at hand: who looks at a page, and whether what they send may be believed.

Every route of the console depends on `Door.visiting`; nothing of it is reached around it.
"""

import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Final, cast
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response

from callboard_registry.admission import Admission
from callboard_registry.refusals import Refusal
from callboard_registry.signin.configuration import ConsoleSettings
from callboard_registry.signin.granting import Granted, Grants, GrantsError, visitor_of
from callboard_registry.signin.keeping import Keeping, Session
from callboard_registry.signin.roles import Role, Visitor
from callboard_registry.signin.throttle import Throttle

HOME: Final = "/catalog"
"""Where somebody goes who wanted to go nowhere in particular."""

SESSION: Final = "session"
"""The field of a refusal that signing in would help with."""

TOKEN_FIELD: Final = "csrf"
"""The field that every form carries: another site's form cannot know it."""

LONGEST_FORM: Final = 1_000_000
"""Bytes that a page may send."""

_MOST_FIELDS: Final = 2_000
_LONGEST_PATH: Final = 2_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Visit:
    """One request of a browser."""

    visitor: Visitor | None = None
    """Who is signed in. None: nobody."""

    token: str = field(default="", repr=False)
    """The session's token."""

    ended: bool = False
    """Whether the browser showed a session that is over."""

    provider: bool = False
    """Whether there is an identity provider to sign in by."""

    secure: bool = False
    """Whether cookies are for encrypted connections only."""

    sent: bool = False
    """Whether something was sent that is to be done."""

    path: str = HOME
    """What was asked for: to come back to."""

    form: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """What was sent, if it was a form."""

    @property
    def csrf(self) -> str:
        """What forms of this session carry."""
        return hashlib.sha256(f"form {self.token}".encode()).hexdigest() if self.token else ""

    def may(self, role: Role, team: str | None = None) -> bool:
        """Tell whether the person has `role` for `team`; without a team, for any."""
        return self.visitor is not None and self.visitor.may(role, team)

    def text(self, name: str) -> str:
        """Return the value of a form's field; empty when there is none."""
        return self.form.get(name, ("",))[-1]


_current: Final[ContextVar[Visit]] = ContextVar("callboard_console_visit", default=Visit())  # noqa: B039 - it is frozen


def visit() -> Visit:
    """Return the visit that this code answers."""
    return _current.get()


def visitor() -> Visitor:
    """Return who is signed in.

    Raises:
        Refusal: Nobody is.
    """
    found = _current.get().visitor
    if found is None:
        raise _nobody(ended=False)
    return found


def require(role: Role, team: str | None = None) -> Visitor:
    """Return who is signed in, if they have `role` for `team`; without a team, for any.

    Raises:
        Refusal: They have not.
    """
    found = visitor()
    if not found.may(role, team):
        of = f" of {team!r}" if team else ""
        raise Refusal(
            "denied", "", f"{found.name!r} is signed in, but this is for the {role}s{of}; an administrator grants that"
        )
    return found


class Door:
    """Lets people in, and keeps them apart."""

    def __init__(self, settings: ConsoleSettings, keeping: Keeping, admission: Admission) -> None:
        self.settings = settings
        self.keeping = keeping
        self.throttle = Throttle()
        self._admission = admission
        self._grants = Grants(settings.grants)

    def visiting(self, *, public: bool = False, signing_in: bool = False) -> Callable[[Request], Awaitable[None]]:
        """Return what a route depends on.

        Args:
            public: Whether what it shows is shown to everybody when the settings say so.
            signing_in: Whether it is part of signing in, so that nobody need be signed in.
        """
        open_to_all = signing_in or (public and self.settings.public)

        async def enter(request: Request) -> None:
            # A connection may carry requests of several people, one after the other: nothing of the last one is left.
            _current.set(Visit())
            self._admission.count(request.client.host if request.client else "")
            now = await self._visit(request)
            _current.set(now)
            if request.method not in ("GET", "HEAD"):
                require_same_origin(request, self.settings.url)
                now = replace(now, form=await _form(request))
                _current.set(now)
            if now.visitor is None and not open_to_all:
                raise _nobody(ended=now.ended)
            if now.visitor is not None and not now.visitor.grants and not open_to_all:
                raise Refusal(
                    "denied",
                    "",
                    f"{now.visitor.name!r} is signed in, but may do nothing here yet; ask an administrator to add you"
                    " to the file that says who may do what",
                )
            if request.method not in ("GET", "HEAD") and now.visitor is not None and not signing_in:
                require_token(now)

        return enter

    def visitor(self, session: Session) -> Visitor:
        """Return what a person may do now.

        What the file grants counts as it is now, not as it was when they signed in.
        """
        if session.content.get("by") == "link":
            return visitor_of(session.name, [Granted.model_validate(session.content.get("granted"))])
        groups = cast("list[str]", session.content.get("groups", []))
        try:
            return self._grants.visitor(session.name, groups)
        except GrantsError as error:
            log.warning("nobody who signed in by the identity provider may do anything: %s", error)
            return Visitor(session.name)

    async def let_in(self, request: Request, response: Response, name: str, content: Mapping[str, object]) -> None:
        """Begin a session, and have `response` give its token to the browser. What session it had ends."""
        if before := request.cookies.get(_cookie(request, self.settings)):
            await self.keeping.end(before)
        token = await self.keeping.begin(name, content, longest=self.settings.longest)
        response.set_cookie(
            _cookie(request, self.settings),
            token,
            max_age=int(self.settings.longest.total_seconds()),
            path="/",
            httponly=True,
            secure=_encrypted(request, self.settings),
            samesite="lax",
        )
        log.info("%s signed in by %s", name, content.get("by"))

    async def let_out(self, request: Request, response: Response) -> None:
        """End the session, and have `response` take its token from the browser."""
        if token := request.cookies.get(_cookie(request, self.settings)):
            await self.keeping.end(token)
        response.delete_cookie(
            _cookie(request, self.settings), path="/", httponly=True, secure=_encrypted(request, self.settings)
        )

    async def _visit(self, request: Request) -> Visit:
        query = f"?{request.url.query}" if request.url.query else ""
        # Somebody who sent something comes back to the page that it was sent from.
        here = request.url.path + query if request.method == "GET" else _sent_from(request)
        visit = Visit(
            provider=self.settings.provider is not None,
            secure=_encrypted(request, self.settings),
            sent=request.method not in ("GET", "HEAD"),
            path=safe_path(here),
        )
        token = request.cookies.get(_cookie(request, self.settings), "")
        if not token:
            return visit
        # What a page asks for by itself does not keep a session alive that nobody uses.
        used = "hx-request" not in request.headers
        session = await self.keeping.find(token, idle=self.settings.idle, in_use=used)
        if session is None:
            return replace(visit, ended=True)
        return replace(visit, visitor=self.visitor(session), token=token)


def safe_path(text: str) -> str:
    """Return a path on this console, with its query: `text` if it is one, else the first page."""
    ours = text.startswith("/") and not text.startswith("//") and text.isprintable() and "\\" not in text
    if not ours or len(text) > _LONGEST_PATH or text.startswith(("/signin", "/signout")):
        return HOME
    return text


def require_same_origin(request: Request, url: str) -> None:
    """Do nothing if what was sent comes from a page of this console, or from no page at all.

    Raises:
        Refusal: It comes from a page of somebody else.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    own = url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site not in ("same-origin", "none") or (origin is not None and origin != own):
        raise Refusal(
            "denied",
            "",
            f"this was sent from a page of {origin or 'another site'!r} and not from {own!r}; nothing was done."
            " Behind a proxy, CALLBOARD_CONSOLE_URL must say where browsers find the console",
        )


def require_token(now: Visit) -> None:
    """Do nothing if what was sent carries its session's token.

    Raises:
        Refusal: It does not.
    """
    if not hmac.compare_digest(now.text(TOKEN_FIELD).encode(), now.csrf.encode()):
        raise Refusal("denied", "", "this form is from another session; nothing was done. Open the page again")


def _nobody(*, ended: bool) -> Refusal:
    why = "your session is over" if ended else "nothing is shown here without signing in"
    return Refusal("unauthenticated", SESSION, why)


async def _form(request: Request) -> dict[str, tuple[str, ...]]:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise Refusal(
                "invalid", "", f"what was sent has more than {LONGEST_FORM} bytes; at most that many are taken"
            )
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Refusal("invalid", "", "what was sent is no form that can be read") from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _sent_from(request: Request) -> str:
    referrer = urlsplit(request.headers.get("referer", ""))
    return referrer.path + (f"?{referrer.query}" if referrer.query else "")


def _cookie(request: Request, settings: ConsoleSettings) -> str:
    if _encrypted(request, settings):
        # Browsers take a name that begins so only from an encrypted page, and for this host alone.
        return "__Host-callboard"
    # Browsers keep cookies by host and not by port: meshes on one machine would sign each other out.
    return f"callboard-{request.url.port or 80}"


def _encrypted(request: Request, settings: ConsoleSettings) -> bool:
    return settings.secure or request.url.scheme == "https"
