"""`callboard watch`: starts, pauses and wakes an ambient agent, and shows what it reported."""

import asyncio
import getpass
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from callboard.command.namespaces import namespace_client
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result, say, since
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.ambient import Handled, Wake, WatchPolicy, WatchSchedule, WatchStatus

app = typer.Typer(
    help="Starts, pauses and wakes an agent that watches by itself, and shows what it reported.", no_args_is_help=True
)

_Team = Annotated[str, typer.Option("--team", help="Whose watch.")]
_Name = Annotated[str, typer.Option("--name", help="Which watch of the team's.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why, for whoever looks next.")]

ORCHESTRATOR: Final = "orchestrator"
WATCH: Final = "watch"
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
ResultT = TypeVar("ResultT")


@app.command("start")
def start(
    *,
    every: Annotated[str, typer.Option("--every", help="How often it wakes: 90s, 30m, 6h, 1d.")] = "6h",
    threshold: Annotated[
        list[str] | None,
        typer.Option("--threshold", help="REMEDY=CONFIDENCE from which on it does not ask; those not named are asked."),
    ] = None,
    rest: Annotated[str, typer.Option("--rest", help="With --threshold: the least time between two wakes.")] = "",
    team: _Team = ORCHESTRATOR,
    name: _Name = WATCH,
) -> None:
    """Have the watch wake every so often; one that is there gets another rhythm and another policy."""
    rhythm, policy = _span(every), _policy(threshold, rest)
    asyncio.run(_with(team, name, lambda watch: watch.start(every=rhythm, now=datetime.now(UTC), policy=policy)))
    say(f"{team}-{name} wakes every {every}; 'callboard watch trigger' wakes it now")


@app.command("stop")
def stop(*, team: _Team = ORCHESTRATOR, name: _Name = WATCH) -> None:
    """Take the watch away, and with it what it remembers. Remedies that were begun go on."""
    asyncio.run(_with(team, name, lambda watch: watch.stop()))
    say(f"{team}-{name} is gone")


@app.command("status")
def status(*, team: _Team = ORCHESTRATOR, name: _Name = WATCH, as_json: _Json = False) -> None:
    """Show whether the watch sleeps, is paused or awake, when it wakes next, and what waits for a person."""
    found = asyncio.run(_with(team, name, lambda watch: watch.status()))
    if as_json:
        print_json(_status(found))
        return
    state = "paused" if found.paused else "awake" if found.waking else "asleep"
    print_result(f"state    {state}" + (f" ({found.note})" if found.note else ""))
    print_result(f"rhythm   every {_length(found.every)}, since {found.since:%Y-%m-%d %H:%M} UTC, {found.wakes} wakes")
    if found.next is not None:
        print_result(f"next     {found.next:%Y-%m-%d %H:%M:%S} UTC")
    print_result(f"policy   {_thresholds(found.policy)}")
    for workflow in found.waiting:
        print_result(f"remedy   {workflow} goes on; 'callboard approvals list' shows whether a person is asked")


@app.command("pause")
def pause(*, reason: _Reason = "", team: _Team = ORCHESTRATOR, name: _Name = WATCH) -> None:
    """Have the watch wake no more until it is resumed. Remedies that were begun go on."""
    asyncio.run(_with(team, name, lambda watch: watch.pause(_note("paused", reason))))
    say(f"{team}-{name} is paused")


@app.command("resume")
def resume(*, reason: _Reason = "", team: _Team = ORCHESTRATOR, name: _Name = WATCH) -> None:
    """Have a paused watch wake again by its schedule."""
    asyncio.run(_with(team, name, lambda watch: watch.resume(_note("resumed", reason))))
    say(f"{team}-{name} wakes again")


@app.command("trigger")
def trigger(*, team: _Team = ORCHESTRATOR, name: _Name = WATCH) -> None:
    """Wake the watch now; while it is awake, once more when it is done."""
    asyncio.run(_with(team, name, lambda watch: watch.trigger()))
    say(f"{team}-{name} wakes; 'callboard watch report' shows what comes of it")


@app.command("report")
def report(
    *,
    last: Annotated[int, typer.Option("--last", help="How many wakes, the latest first.", min=1, max=1000)] = 5,
    news: Annotated[
        bool, typer.Option("--news", help="Only wakes that found something new or were in trouble.")
    ] = False,
    team: _Team = ORCHESTRATOR,
    name: _Name = WATCH,
    as_json: _Json = False,
) -> None:
    """Show what the last wakes saw and did, and how the remedies they began stand now."""

    async def work(watch: "WatchSchedule") -> "list[tuple[Wake, dict[str, str]]]":
        await watch.status()
        wakes = [each async for each in watch.wakes(last)]
        return [(each, await _standings(watch, each)) for each in wakes if not news or _is_news(each)]

    found = asyncio.run(_with(team, name, work))
    if as_json:
        print_json([_wake(wake, standings) for wake, standings in found])
        return
    for wake, standings in found:
        _print(wake, standings)
    if not found:
        say("there is nothing to report")


async def _standings(watch: "WatchSchedule", wake: "Wake") -> dict[str, str]:
    """Return how each remedy that a wake began stands now, by its workflow."""
    begun = [each.workflow for each in wake.report.new if each.workflow] if wake.report else []
    settled = {each: await watch.outcome(each) for each in begun}
    return {
        name: "goes on" if end is None else f"{end.outcome.replace('_', ' ')}: {end.said}"
        for name, end in settled.items()
    }


async def _with(team: str, name: str, work: "Callable[[WatchSchedule], Awaitable[ResultT]]") -> ResultT:
    join_mesh()
    from callboard_kit.ambient import WatchSchedule
    from callboard_kit.settings import Settings

    settings = Settings.from_environment()
    watch = WatchSchedule(await namespace_client(team), team, name=name, task_queue=settings.task_queue(team))
    return await work(watch)


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if found is None:
        raise CommandError(f"{text!r} is no length of time; write 90s, 30m, 6h or 1d")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _policy(thresholds: "list[str] | None", rest: str) -> "WatchPolicy | None":
    if not thresholds:
        if rest:
            raise CommandError("--rest makes a policy of its own; say with --threshold what it does not ask about")
        return None
    from pydantic import ValidationError

    from callboard_kit.ambient import WatchPolicy

    try:
        pairs = dict(each.split("=", 1) for each in thresholds)
        return WatchPolicy.model_validate({"thresholds": pairs, **({"rest": _span(rest)} if rest else {})})
    except (ValueError, ValidationError) as error:
        raise CommandError(f"--threshold is {' '.join(thresholds)!r}; it must be as in raise_case=0.75") from error


def _note(what: str, reason: str) -> str:
    return f"{what} by {getpass.getuser()}" + (f": {reason}" if reason else "")


def _length(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds >= _UNITS[unit] and not seconds % _UNITS[unit]:
            return f"{seconds / _UNITS[unit]:g}{unit}"
    return f"{seconds:g}s"


def _thresholds(policy: "WatchPolicy | None") -> str:
    if policy is None:
        return "the agent's own"
    return ", ".join(f"{kind} from {least:g} on" for kind, least in policy.thresholds.items())


def _is_news(wake: "Wake") -> bool:
    told = wake.report
    return told is None or bool(told.new or told.settled or told.troubles or told.left)


def _print(wake: "Wake", standings: dict[str, str]) -> None:
    told = wake.report
    if told is None:
        print_result(f"{wake.began:%Y-%m-%d %H:%M} UTC  {wake.state}  {wake.workflow}")
        return
    seen = ", ".join(f"{count} {kind}" for kind, count in told.seen.items()) or "nothing could be looked at"
    ago = since(wake.began, datetime.now(UTC))
    print_result(f"{wake.began:%Y-%m-%d %H:%M} UTC  wake {told.wake}, {ago} ago: {seen}")
    for each in told.new:
        print_result(f"  new      {each.finding.summary}")
        print_result(f"           {_deed(each)}" + (f", {standings[each.workflow]}" if each.workflow else ""))
        if each.explanation:
            print_result(f"           {each.explanation}")
    for each in told.settled:
        print_result(f"  ended    {each.about or each.workflow}: {each.outcome.replace('_', ' ')}, {each.said}")
    for line in told.troubles:
        print_result(f"  trouble  {line}")
    if told.left:
        print_result(f"  left     {told.left} findings for the next wake")


def _deed(handled: "Handled") -> str:
    if not handled.remedy:
        return "told and nothing else" + (f": {handled.why}" if handled.why else "")
    return f"{handled.remedy} {handled.decision} ({handled.why})"


def _status(found: "WatchStatus") -> dict[str, object]:
    return {
        "paused": found.paused,
        "note": found.note,
        "every_seconds": found.every.total_seconds(),
        "since": found.since.isoformat(),
        "policy": None if found.policy is None else found.policy.model_dump(mode="json"),
        "next": None if found.next is None else found.next.isoformat(),
        "wakes": found.wakes,
        "awake": found.waking,
        "remedies": list(found.waiting),
    }


def _wake(wake: "Wake", standings: dict[str, str]) -> dict[str, object]:
    return {
        "workflow": wake.workflow,
        "began": wake.began.isoformat(),
        "state": wake.state,
        "report": None if wake.report is None else wake.report.model_dump(mode="json"),
        "remedies": standings,
    }
