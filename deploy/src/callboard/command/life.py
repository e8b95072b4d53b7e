"""`callboard catalog approve|deprecate|retire|revoke|submit`: moves a revision through its life."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.registry import open_registry
from callboard.command.revisions import find_revision
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result
from callboard.command.verdicts import verdict_data
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry_api.client import RegistryClient
    from callboard_registry_api.model import Listing, State

_Service = Annotated[str, typer.Argument(help="Its name, as in orders.v1.")]
_Revision = Annotated[
    str,
    typer.Option("--revision", help="The revision's number or digest, or its beginning; else the newest that fits."),
]
_Etag = Annotated[
    str, typer.Option("--etag", help="What 'catalog show --json' said; the move fails if the listing was moved since.")
]
_Reason = Annotated[str, typer.Option("--reason", help="Why, for whoever reads the listing.")]
_Successor = Annotated[str, typer.Option("--successor", help="The service to call instead, as in orders.v2.")]
_As = Annotated[
    str, typer.Option("--as", help="The team that does it, whose key must be at hand; by default the administrator.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print the listing as JSON.")]


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What one command line asks for."""

    service: str
    state: "State"
    comes_from: "Sequence[State]"
    """The states in which to look for the revision when none is named."""

    revision: str = ""
    etag: str = ""
    reason: str = ""
    successor: str = ""
    sunset: datetime | None = None
    force: bool = False
    override: bool = False
    team: str = ""


def approve(
    service: _Service,
    *,
    revision: _Revision = "",
    etag: _Etag = "",
    reason: _Reason = "",
    override: Annotated[
        bool,
        typer.Option(
            "--override", help="Although it is not known whether it breaks callers; --reason is kept with it."
        ),
    ] = False,
    team: _As = "",
    as_json: _Json = False,
) -> None:
    """Approve a revision, so that workers of every profile may serve it."""
    asked = _Asked(
        service=service,
        state="approved",
        comes_from=("draft", "pending", "deprecated"),
        revision=revision,
        etag=etag,
        reason=reason,
        override=override,
        team=team,
    )
    _move(asked, as_json=as_json)


def submit(
    service: _Service,
    *,
    team: Annotated[str, typer.Option("--as", help="The team that owns it, whose key must be at hand.")],
    revision: _Revision = "",
    etag: _Etag = "",
    reason: _Reason = "",
    as_json: _Json = False,
) -> None:
    """Ask to have a draft approved."""
    asked = _Asked(
        service=service, state="pending", comes_from=("draft",), revision=revision, etag=etag, reason=reason, team=team
    )
    _move(asked, as_json=as_json)


def deprecate(
    service: _Service,
    *,
    sunset: Annotated[str, typer.Option("--sunset", help="The last day on which it answers, as in 2027-03-31 (UTC).")],
    successor: _Successor = "",
    reason: _Reason = "",
    revision: _Revision = "",
    etag: _Etag = "",
    team: _As = "",
    as_json: _Json = False,
) -> None:
    """Announce that a revision will go: it answers until its sunset, and callers are warned."""
    asked = _Asked(
        service=service,
        state="deprecated",
        comes_from=("approved", "deprecated"),
        revision=revision,
        etag=etag,
        reason=reason,
        successor=successor,
        sunset=_end_of(sunset),
        team=team,
    )
    _move(asked, as_json=as_json)


def retire(
    service: _Service,
    *,
    force: Annotated[bool, typer.Option("--force", help="Also before its sunset, and while it is called.")] = False,
    successor: _Successor = "",
    reason: _Reason = "",
    revision: _Revision = "",
    etag: _Etag = "",
    team: _As = "",
    as_json: _Json = False,
) -> None:
    """Take a deprecated revision out of service: its calls are refused with the successor's name."""
    asked = _Asked(
        service=service,
        state="retired",
        comes_from=("deprecated",),
        revision=revision,
        etag=etag,
        reason=reason,
        successor=successor,
        force=force,
        team=team,
    )
    _move(asked, as_json=as_json)


def revoke(
    service: _Service,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads the listing.")],
    successor: _Successor = "",
    revision: _Revision = "",
    etag: _Etag = "",
    team: _As = "",
    as_json: _Json = False,
) -> None:
    """Take a revision back at once and for ever."""
    asked = _Asked(
        service=service,
        state="revoked",
        comes_from=("draft", "pending", "approved", "deprecated", "retired"),
        revision=revision,
        etag=etag,
        reason=reason,
        successor=successor,
        team=team,
    )
    _move(asked, as_json=as_json)


def as_data(listing: "Listing") -> dict[str, object]:
    """Return what is known of a listing beside its document, for JSON."""
    return {
        "service": listing.service,
        "team": listing.team,
        "state": listing.state,
        "revision": listing.revision,
        "number": listing.number,
        "digest": listing.digest,
        "etag": listing.etag,
        "sunset": None if listing.sunset is None else listing.sunset.isoformat(),
        "successor": listing.successor,
        "reason": listing.reason,
        "summary": listing.summary,
        "operations": list(listing.operations),
        "verdict": listing.verdict and verdict_data(listing.verdict),
    }


def in_words(listing: "Listing") -> str:
    """Return where a listing stands, on one line."""
    parts = [f"revision {listing.revision}, {listing.state}"]
    if listing.sunset is not None and listing.state == "deprecated":
        parts.append(f"answers until {listing.sunset.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    if listing.successor:
        parts.append(f"use {listing.successor} instead")
    return "; ".join(parts) + (f" ({listing.reason})" if listing.reason else "")


def _move(asked: _Asked, *, as_json: bool) -> None:
    listing = asyncio.run(_moved(asked))
    if as_json:
        print_json(as_data(listing))
    else:
        print_result(f"{listing.service} {listing.digest[:19]}: {in_words(listing)}")


async def _moved(asked: _Asked) -> "Listing":
    join_mesh(need_temporal=False)
    from callboard.stack.enrolment import administrator_token
    from callboard_kit.client import load_key
    from callboard_kit.publishing import registry_signature
    from callboard_kit.settings import Settings

    settings = Settings.from_environment()
    if asked.team:
        client = open_registry(sign=registry_signature(load_key(asked.team, settings)))
    else:
        client = open_registry(administrator_token=administrator_token(settings.home))
    async with client as registry:
        listing = await _found(registry, asked)
        return await registry.set_state(
            listing.service,
            listing.digest,
            asked.state,
            # Without one from the person, what was read just now: nobody gets in between unnoticed.
            etag=asked.etag or listing.etag,
            sunset=asked.sunset,
            successor=asked.successor,
            reason=asked.reason,
            force=asked.force,
            override=asked.override,
        )


async def _found(registry: "RegistryClient", asked: _Asked) -> "Listing":
    if not asked.revision:
        return await registry.get_listing(asked.service, states=asked.comes_from)
    return await find_revision(registry, asked.service, asked.revision)


def _end_of(day: str) -> datetime:
    try:
        moment = datetime.fromisoformat(day)
    except ValueError as error:
        raise CommandError(f"{day!r} is no day; write it like 2027-03-31") from error
    if len(day) <= len("2027-03-31"):
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
