"""Turns what the registry knows into pages: templates, the words for times and numbers, and what a page may load."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final, cast

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from callboard_registry.console.signin.visits import visit

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
"""What every page is sent with: nothing is loaded from another host, no script and no style that stands in a page."""

_CODE: Final = re.compile(r"`([^`\n]+)`")

LONGEST_WORDS: Final = 16_000
"""Characters of a team's own words that a page shows; what is longer is cut, and says so."""

_LONGEST_LINE: Final = 1_000
_LONGEST_JSON: Final = 8_000

NOTHING: Final = "\N{EN DASH}"
"""What stands where there is nothing to say."""

_UNITS: Final = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))


def page(name: str, /, **context: object) -> HTMLResponse:
    """Return the template `name` as a whole page."""
    return HTMLResponse(_environment().get_template(name).render(context), headers=dict(HEADERS))


def refusal(status: int, *, title: str, message: str) -> HTMLResponse:
    """Return a page that says why there is nothing to show, and what to do."""
    text = _environment().get_template("refused.html").render(section="", title=title, message=message)
    return HTMLResponse(text, status_code=status, headers=dict(HEADERS))


def moment(when: datetime | None) -> Markup:
    """Return a time as an element that the reader's own zone is put into; without scripts it says UTC."""
    if when is None:
        return Markup('<span class="quiet">never</span>')
    exact = when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(exact, when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"))


def span(length: timedelta | None) -> str:
    """Return a length of time in the unit that suits it: `38 ms`, `1.2 s`, `5 min`, `2 d`."""
    if length is None:
        return NOTHING
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 100:
        return f"{seconds:.3g} s"
    unit, name = next((unit, name) for unit, name in reversed(_UNITS) if length < 100 * unit or unit == _UNITS[0][0])
    return f"{length / unit:.3g} {name}"


def count(number: int) -> str:
    """Return a number with a thin space between thousands."""
    return f"{number:,}".replace(",", "\u202f")


def money(dollars: float | None) -> str:
    """Return an amount of money, with as many digits as it takes to see it."""
    if not dollars:
        return NOTHING
    return f"${dollars:,.2f}" if dollars >= 0.01 else f"${dollars:.2g}"


def bidi(text: str) -> Markup:
    """Return what somebody else wrote so that marks for writing from right to left in it turn nothing else around."""
    return Markup("<bdi>{}</bdi>").format(text)


def clip(text: str) -> str:
    """Return as much of a text as stands in a line or two; what is longer is cut, and says so."""
    return text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}… (cut, {count(len(text))} characters)"


def phrase(text: str) -> Markup:
    """Return a line or two of somebody's words, what stands between backticks as code and nothing else changed."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(clip(text)))))


def pretty(document: object) -> str:
    """Return JSON to be read; of what is very long, the beginning."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return text if len(text) <= _LONGEST_JSON else f"{text[:_LONGEST_JSON]}… (cut, {count(len(text))} characters)"


def _opening(name: str) -> tuple[str, str]:
    return "open", name


def _seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def words(text: str) -> Markup:
    """Return a team's own words, Markdown, as HTML: no raw HTML, no images, and no links but to the web and mail."""
    cut = text if len(text) <= LONGEST_WORDS else text[:LONGEST_WORDS] + " … (cut)"
    # The renderer escapes everything it does not itself write.
    return Markup(_markdown().render(cut))


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).disable("image")
    markdown.validateLink = lambda url: url.lower().startswith(("https://", "http://", "mailto:"))  # pyright: ignore[reportAttributeAccessIssue] - the documented way to say so
    return markdown


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("callboard_registry.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cast("dict[str, object]", environment.filters).update(
        moment=moment,
        span=span,
        count=count,
        money=money,
        words=words,
        bidi=bidi,
        opening=_opening,
        seconds=_seconds,
        clip=clip,
        phrase=phrase,
        pretty=pretty,
    )
    environment.globals["asset"] = _asset
    cast("dict[str, object]", environment.globals)["visit"] = visit
    return environment


@cache
def _asset(name: str) -> str:
    """Return the address of a file that pages load; it changes with the file, so that browsers may keep it."""
    from hashlib import sha256

    data = (files("callboard_registry.console") / "static" / name).read_bytes()
    return f"/static/{name}?{sha256(data).hexdigest()[:12]}"
