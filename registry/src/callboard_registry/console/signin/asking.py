"""The page that asks to sign in: by itself, or in the place of what is not shown to nobody in particular."""

from datetime import timedelta
from typing import Final

from fastapi.responses import HTMLResponse

from callboard_registry.console.rendering import page
from callboard_registry.console.signin.visits import safe_path, visit

ON_THE_WAY: Final = timedelta(minutes=10)
"""How long somebody may take to sign in who has begun to."""

NEXT: Final = "callboard-next"
"""The cookie that says which page somebody wanted to see who signs in by a link."""


def signin_page(*, next: str = "", refused: bool = False) -> HTMLResponse:
    """Return the page with the ways to sign in.

    Args:
        next: Where to go then; empty: to what was asked for.
        refused: Whether it stands in the place of something else.
    """
    here = visit()
    back = safe_path(next) if next else here.path
    answer = page("signin.html", section="", next=back, refused=refused)
    # Whoever opens a link in this browser goes on to the page that they wanted.
    answer.set_cookie(
        NEXT,
        back,
        max_age=int(ON_THE_WAY.total_seconds()),
        path="/signin",
        httponly=True,
        secure=here.secure,
        samesite="lax",
    )
    if refused:
        answer.status_code = 401
        # A part of a page that asks for itself has the whole page ask again, which then says this.
        answer.headers["hx-refresh"] = "true"
    return answer
