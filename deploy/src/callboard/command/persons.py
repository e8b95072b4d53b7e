"""`callboard persons`: who may answer questions and use the gateway, and what they prove it with."""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import home, print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.identity import SigningKey
    from callboard_kit.persons import Person

app = typer.Typer(help="Vouches for persons, on a machine that holds the inbox's key.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="The person, by e-mail address for instance.")]
_Roles = Annotated[list[str] | None, typer.Option("--role", help="What they are, finance for instance; repeatable.")]
_Scopes = Annotated[list[str] | None, typer.Option("--scope", help="What they may do; repeatable.")]


@app.command("issue")
def issue(
    name: _Name,
    *,
    roles: _Roles = None,
    scopes: _Scopes = None,
    days: Annotated[float, typer.Option("--days", help="How long it is good.")] = 30,
) -> None:
    """Make a credential with which a person answers questions, and does what else its scopes say, as a file."""
    join_mesh()
    from callboard_kit.persons import APPROVE, Credential

    person = _person(name, roles, scopes or [APPROVE])
    credential = Credential.issue(_issuer(), person, now=time.time(), lifetime=_lifetime(timedelta(days=days)))
    path = home() / "persons" / f"{name}.json"
    credential.save(path)
    ends = datetime.now(UTC) + timedelta(days=days)
    print_result(str(path))
    say(f"it is good for {', '.join(person.scopes)} until {ends:%Y-%m-%d}; who has this file is {name}")


@app.command("token")
def token(
    name: _Name,
    *,
    roles: _Roles = None,
    scopes: _Scopes = None,
    hours: Annotated[float, typer.Option("--hours", help="How long it is good.")] = 12,
) -> None:
    """Print a bearer token with which a person's programs use the gateway."""
    join_mesh()
    from callboard_kit.persons import APPROVE, issue_token

    person = _person(name, roles, scopes or [APPROVE, "runs"])
    print_result(issue_token(_issuer(), person, now=time.time(), lifetime=_lifetime(timedelta(hours=hours))))
    say(f"whoever shows it is {name}, for {hours:g} hours; it is shown only now")


@app.command("link")
def link(
    name: Annotated[str, typer.Argument(help="The person; you, unless said otherwise.")] = "",
    *,
    may: Annotated[
        list[str] | None,
        typer.Option("--may", help="viewer, approver, publisher or administrator; approver:TEAM for one team's."),
    ] = None,
    roles: _Roles = None,
    minutes: Annotated[float, typer.Option("--minutes", help="How long the link is good.")] = 10,
) -> None:
    """Print a link that signs a person in to the console, once; as the registry's administrator."""
    join_mesh(need_temporal=False)
    from callboard.stack.enrolment import administrator_token
    from callboard.stack.signing_in import make_link, own_name

    name = name or own_name()
    made = make_link(
        _console(),
        token=administrator_token(home()),
        name=name,
        may=may or ["administrator"],
        roles=roles or [],
        minutes=minutes,
        trusted=os.environ.get("CALLBOARD_REGISTRY_ROOTS"),
    )
    print_result(asyncio.run(made))
    say(f"whoever opens it first is {name} in the console; it is good once, for {minutes:g} minutes")


def _console() -> str:
    if given := os.environ.get("CALLBOARD_CONSOLE_URL"):
        return given.rstrip("/")
    from callboard.stack.lifecycle import running

    found = running(home())
    if found is None or "console" not in found.links:
        raise CommandError("it is not known where the console is; set CALLBOARD_CONSOLE_URL to its address")
    return found.links["console"].removesuffix("/catalog")


@app.command("list")
def list_persons(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the persons whose credentials lie in the home."""
    join_mesh()
    from callboard_kit.persons import Credential

    held = [Credential.load(path).person for path in sorted((home() / "persons").glob("*.json"))]
    if as_json:
        print_json([each.model_dump(mode="json") for each in held])
        return
    for each in held:
        print_result(" ".join((each.name, *(f"role:{role}" for role in each.roles))))


def _issuer() -> "SigningKey":
    from callboard_kit.client import load_key
    from callboard_kit.persons import ISSUER
    from callboard_kit.settings import Settings

    return load_key(ISSUER, Settings.from_environment())


def _person(name: str, roles: list[str] | None, scopes: list[str]) -> "Person":
    from pydantic import ValidationError

    from callboard_kit.persons import Person

    try:
        return Person(name=name, roles=tuple(roles or ()), scopes=tuple(scopes))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise CommandError(
            f"{fault['input']!r} is no {str(fault['loc'][0]).removesuffix('s')}: names have letters, digits and ._@+-,"
            " roles and scopes are lower-case words"
        ) from error


def _lifetime(asked: timedelta) -> timedelta:
    if not timedelta(0) < asked <= timedelta(days=366):
        raise CommandError(f"{asked.total_seconds():g} seconds is no time to vouch for somebody; use up to 366 days")
    return asked
