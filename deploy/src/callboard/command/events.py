"""`callboard events`: how far teams are behind with what others publish, and what they could not handle."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, say, since
from callboard.failures import CommandError

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from callboard_kit.processing.dead import DeadLetter
    from callboard_kit.processing.lag import Lag

app = typer.Typer(
    help="Shows how far teams are behind with what others publish, and puts back what they could not handle.",
    no_args_is_help=True,
)

ResultT = TypeVar("ResultT")

_Team = Annotated[str, typer.Argument(help="The team that follows.")]
_From = Annotated[str | None, typer.Option("--from", help="Only events of this team.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("lag")
def show_lag(
    teams: Annotated[list[str] | None, typer.Argument(help="Which followers; absent: all.")] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List every feed: what waits, how long the oldest has waited, and how much could not be handled."""
    join_mesh()
    known = _feeds()
    if unknown := sorted(set(teams or ()) - {follower for _, follower in known}):
        raise CommandError(f"team {unknown[0]!r} follows nobody; {_followers(known)}")
    wanted = [(publisher, follower) for publisher, follower in known if not teams or follower in teams]
    found = [asyncio.run(_as(follower, _lag(publisher, follower))) for publisher, follower in wanted]
    if as_json:
        print_json([_lag_data(lag) for lag in found])
    else:
        _print_lag(found)


@app.command("dead")
def list_dead(team: _Team, *, publisher: _From = None, as_json: _Json = False) -> None:
    """List the events that a team could not handle, oldest first, with the reason."""
    join_mesh()
    letters = asyncio.run(_as(team, _letters(_followed(team, publisher), team)))
    if as_json:
        print_json([_letter_data(letter) for letter in letters])
    else:
        _print_dead(letters)


@app.command("redrive")
def redrive_events(
    team: _Team,
    events: Annotated[list[str] | None, typer.Argument(help="Ids of events, as `dead` shows them.")] = None,
    *,
    publisher: _From = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: _Json = False,
) -> None:
    """Put events that a team could not handle back at the end of its feed."""
    if everything == bool(events):
        raise CommandError("say which events, or --all")
    join_mesh()
    back = asyncio.run(_as(team, _redriven(_followed(team, publisher), team, None if everything else events or [])))
    if as_json:
        print_json({"redriven": back})
        return
    say(f"put back {len(back)} event{'' if len(back) == 1 else 's'}; 'callboard events dead {team}' shows what returns")


def _feeds() -> list[tuple[str, str]]:
    """Return every publisher and follower of the installed teams."""
    from callboard_kit.settings import Settings
    from callboard_kit.teams import Team, installed_teams

    profile = Settings.from_environment().profile
    return [
        (team, follower)
        for team, package in installed_teams().items()
        for follower in Team.load(package, profile=profile).feed.followers
    ]


def _followers(known: Sequence[tuple[str, str]]) -> str:
    teams = ", ".join(sorted({follower for _, follower in known}))
    return f"those who follow somebody are {teams}" if teams else "nobody follows anybody here"


def _followed(team: str, publisher: str | None) -> list[str]:
    known = _feeds()
    found = [each for each, follower in known if follower == team and publisher in (None, each)]
    if not found:
        whom = "nobody" if publisher is None else f"no team {publisher!r}"
        raise CommandError(f"team {team!r} follows {whom}; {_followers(known)}")
    return found


def _lag(publisher: str, follower: str) -> "Callable[[Redis], Awaitable[Lag]]":
    from callboard_kit.processing.lag import lag_of

    return lambda redis: lag_of(redis, publisher, follower)


def _letters(publishers: Sequence[str], team: str) -> "Callable[[Redis], Awaitable[list[DeadLetter]]]":
    from callboard_kit.processing.dead import dead_letters

    async def look(redis: "Redis") -> "list[DeadLetter]":
        return [letter for publisher in publishers for letter in await dead_letters(redis, publisher, team)]

    return look


def _redriven(
    publishers: Sequence[str], team: str, events: Sequence[str] | None
) -> "Callable[[Redis], Awaitable[list[str]]]":
    from callboard_kit.processing.dead import redrive

    async def put_back(redis: "Redis") -> list[str]:
        letters = await _letters(publishers, team)(redis)
        # What has no id of its own goes by the one it has among the dead letters.
        names = {name for letter in letters for name in (letter.event, letter.id) if name}
        if missing := [name for name in events or () if name not in names]:
            raise CommandError(f"no event {missing[0]!r} is dead; see 'callboard events dead {team}'")
        wanted = [each for each in letters if events is None or each.event in events or each.id in events]
        return [each.event or each.id for each in wanted if await redrive(redis, team, each)]

    return put_back


async def _as(team: str, work: "Callable[[Redis], Awaitable[ResultT]]") -> ResultT:
    """Do something in Redis as a team: it alone may look at what waits for it."""
    from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

    from callboard_kit.events.writing import open_redis
    from callboard_kit.settings import Settings

    url = Settings.from_environment().redis_for(team)
    if url is None:
        raise CommandError("events travel over Redis, and none is configured; set CALLBOARD_REDIS_URL")
    async with open_redis(url) as redis:
        try:
            return await work(redis)
        except (NoPermissionError, AuthenticationError) as error:
            raise CommandError(
                f"Redis does not let this process in as {team!r}: {error}; its secret is redis/{team}.secret in the"
                " home of the mesh"
            ) from error
        except (RedisError, OSError) as error:
            raise CommandError(f"Redis does not answer: {error}; see 'callboard status'") from error


def _print_lag(found: "Sequence[Lag]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for title in ("follower", "publisher", "waiting", "begun", "oldest", "dead"):
        table.add_column(title, overflow="fold")
    for lag in found:
        oldest = f"{lag.oldest:.0f} s" if lag.lag or lag.pending else "-"
        waiting = str(lag.lag) if lag.reading else f"{lag.lag}, never read"
        table.add_row(lag.follower, lag.publisher, waiting, str(lag.pending), oldest, str(lag.dead))
    Console().print(table)


def _print_dead(letters: "Sequence[DeadLetter]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    now = datetime.now(UTC)
    table = Table(box=None)
    for title in ("event", "publisher", "key", "tries", "since", "reason"):
        table.add_column(title, overflow="fold")
    for each in letters:
        # Whatever it is: what could not be read may hold anything.
        name, key = escape(each.event or each.id), escape(each.fields.get("key", "-"))
        table.add_row(name, each.publisher, key, str(each.tries), since(each.died, now), escape(each.reason))
    Console().print(table)


def _lag_data(lag: "Lag") -> dict[str, object]:
    return {
        "follower": lag.follower,
        "publisher": lag.publisher,
        "lag": lag.lag,
        "pending": lag.pending,
        "oldest_seconds": round(lag.oldest, 3),
        "dead": lag.dead,
        "reading": lag.reading,
    }


def _letter_data(letter: "DeadLetter") -> dict[str, object]:
    return {
        "event": letter.event,
        "publisher": letter.publisher,
        "key": letter.fields.get("key", ""),
        "kind": letter.fields.get("kind", ""),
        "reason": letter.reason,
        "tries": letter.tries,
        "redriven": letter.redriven,
        "died": letter.died.isoformat(timespec="milliseconds"),
        "entry": letter.entry,
        "id": letter.id,
    }
