"""`callboard rollout`: sends a share of a team's new work to a new build, and more, all or none of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard.rollouts.conducting import BuildReport, Conductor, Report
    from callboard.rollouts.moving import Move
    from callboard_kit.rollouts.deployment import Routing

app = typer.Typer(
    help="Sends a share of a team's new work to a new build, and then more, all or none of it.", no_args_is_help=True
)

_Team = Annotated[str, typer.Argument(help="The team.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Build = Annotated[str, typer.Option("--build", help="Which build; absent: the youngest that never got work.")]

_OFTEN: Final = 2.0
ResultT = TypeVar("ResultT")


@app.command("start")
def start(
    team: _Team,
    *,
    ramp: Annotated[float, typer.Option("--ramp", help="Its share, in per cent.", min=0.1, max=100)] = 10.0,
    build: _Build = "",
    auto: Annotated[bool, typer.Option("--auto", help="Go on by itself: to more, or back when it is worse.")] = False,
    steps: Annotated[str, typer.Option("--steps", help="With --auto: the shares, one after the other.")] = "10,50,100",
    enough: Annotated[int, typer.Option("--enough", help="With --auto: runs that end in each step.", min=1)] = 50,
    every: Annotated[float, typer.Option("--every", help="With --auto: seconds between looks.", min=0.1)] = 5.0,
) -> None:
    """Send a share of the new work to a new build; a share that it has already is changed."""
    shares = _shares(steps)

    async def work(conductor: "Conductor") -> "Routing":
        from callboard.rollouts.conducting import Steps

        plan = Steps(shares=shares, enough=enough, every=timedelta(seconds=every)) if auto else None
        return await conductor.start(build=build, percent=ramp, steps=plan)

    seen = asyncio.run(_conducting(team, work))
    say(_where(team, seen))
    if auto:
        say(
            f"it goes on by itself, whether or not anybody looks; 'callboard rollout status {team}' shows how far it is"
        )


@app.command("status")
def status(team: _Team, *, as_json: _Json = False) -> None:
    """Show the builds of a team, and how the ramping one does beside the current one since the ramp began."""
    report = asyncio.run(_conducting(team, lambda conductor: conductor.report()))
    if as_json:
        from callboard.rollouts.showing import report_data

        print_json(report_data(report))
        return
    _show(report)


@app.command("promote")
def promote(team: _Team) -> None:
    """Send all new work to the ramping build."""
    say(_where(team, asyncio.run(_conducting(team, lambda conductor: conductor.promote()))))


@app.command("rollback")
def rollback(team: _Team) -> None:
    """End the ramp; without one, send all new work to the build that was current before."""
    say(_where(team, asyncio.run(_conducting(team, lambda conductor: conductor.rollback()))))


@app.command("drain")
def drain(
    team: _Team,
    *,
    build: Annotated[str, typer.Option("--build", help="Which build; absent: all that get no new work.")] = "",
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for it, at most.", min=0)] = 0.0,
    as_json: _Json = False,
) -> None:
    """Tell whether builds that get no new work may lose their workers; exit code 1 while something runs there."""

    async def work(conductor: "Conductor") -> "list[BuildReport]":
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            left = list(await conductor.undrained(build))
            if not left or asyncio.get_running_loop().time() >= deadline:
                return left
            await asyncio.sleep(min(_OFTEN, wait))

    left = asyncio.run(_conducting(team, work))
    if as_json:
        print_json([{"build": each.build.name, "in_flight": each.in_flight} for each in left])
    for each in left if not as_json else ():
        print_result(f"{each.build.name}: {each.in_flight} runs go on; its workers have to stay")
    if left:
        raise typer.Exit(1)
    say(f"nothing runs on {f'build {build}' if build else 'builds that get no new work'}: their workers may be stopped")


@app.command("move")
def move(
    team: _Team,
    *,
    source: Annotated[str, typer.Option("--from", help="The build whose runs are moved.")],
    target: Annotated[str, typer.Option("--to", help="The build that they go on with: the one installed here.")],
    dry: Annotated[bool, typer.Option("--dry", help="Only say which runs could be moved.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Move those too that replay says are not the same.")] = False,
    as_json: _Json = False,
) -> None:
    """Move runs off a build that gets no new work, each replayed here first; exit code 1 while some stay there."""

    async def work() -> "list[Move]":
        from callboard.command.namespaces import namespace_client
        from callboard.rollouts.moving import Mover
        from callboard_kit.replaying import Gate
        from callboard_kit.replaying.rooms import workflows_of
        from callboard_kit.rollouts.deployment import DeploymentError

        mover = Mover(await namespace_client(team), team, judge=Gate(team, workflows_of(room)))
        try:
            return [each async for each in mover.move(source, target, dry=dry, force=force)]
        except DeploymentError as error:
            raise CommandError(str(error)) from error

    [room] = _installed([team]).values()
    join_mesh()
    found = asyncio.run(work())
    if as_json:
        print_json(
            [
                {"workflow": each.workflow, "run": each.run, "verdict": each.judged.verdict, "moved": each.moved}
                for each in found
            ]
        )
    for each in found if not as_json else ():
        went = "could go" if dry else "goes"
        what = f"{went} on with {target}" if each.moved else f"stays on {source}: {'; '.join(each.judged.why)}"
        print_result(f"{each.run}: {each.judged.verdict}, {what}")
    stay = sum(not each.moved for each in found)
    say(f"{len(found) - stay} of {len(found)} runs {'could go' if dry else 'go'} on with build {target}")
    if stay:
        raise typer.Exit(1)


@app.command("lint")
def lint(
    teams: Annotated[list[str] | None, typer.Argument(help="Which teams; absent: all that are installed.")] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List the operations that a ramp cannot split, because their handlers answer them."""
    from callboard.rollouts.linting import unsplit

    found = list(unsplit(_installed(teams)))
    if as_json:
        print_json([vars(each) for each in found])
        return
    for each in found:
        print_result(
            f"{each.service} {each.operation}: its handler answers at once; try a change over {each.team}-canary"
        )
    if not found:
        say("every operation has a workflow behind it, which a ramp splits")


@app.command("canary")
def canary(
    team: _Team,
    *,
    close: Annotated[
        bool, typer.Option("--close", help="Take it away again: nobody may call over it any more.")
    ] = False,
) -> None:
    """Make the endpoint over which changes of a team's handlers are tried, or take it away."""
    name = asyncio.run(_canary(team, close=close))
    if close:
        say(f"endpoint {name!r} is gone; stop its workers")
        return
    say(f"endpoint {name!r} leads to the workers of team {team} that have CALLBOARD_CANARY=on")


async def _canary(team: str, *, close: bool) -> str:
    _installed([team])
    join_mesh()
    from callboard.command.namespaces import namespace_client
    from callboard.rollouts.canaries import close_canary, open_canary
    from callboard_kit.settings import Settings

    settings = Settings.from_environment()
    client = await namespace_client(team)
    return await (close_canary if close else open_canary)(client, team, settings)


def _installed(teams: "list[str] | None") -> dict[str, str]:
    """Return the rooms of these teams, or of all."""
    from callboard_kit.teams import installed_teams

    rooms = installed_teams()
    if unknown := sorted(set(teams or ()) - set(rooms)):
        raise CommandError(f"there is no team {unknown[0]!r} here; the teams are {', '.join(rooms)}")
    return {team: rooms[team] for team in teams or rooms}


def _shares(text: str) -> tuple[float, ...]:
    try:
        shares = tuple(float(each) for each in text.split(","))
    except ValueError:
        shares = ()
    if not shares or list(shares) != sorted(set(shares)) or not 0 < shares[0] <= shares[-1] <= 100:
        raise CommandError(f"--steps is {text!r}; it must be shares in per cent that grow, as in 10,50,100")
    return shares


async def _conducting(team: str, work: "Callable[[Conductor], Awaitable[ResultT]]") -> ResultT:
    """Do `work` with the conductor of a team's rollouts."""
    join_mesh()
    from callboard.command.namespaces import namespace_client
    from callboard.rollouts.conducting import Conductor
    from callboard_kit.rollouts.deployment import DeploymentError
    from callboard_kit.rollouts.measuring import prices_from
    from callboard_kit.settings import Settings

    client = await namespace_client(team)
    async with open_registry() as registry:
        conductor = Conductor(
            client,
            team,
            task_queue=Settings.from_environment().physical(team),
            registry=registry,
            prices=prices_from(registry, team),
        )
        try:
            return await work(conductor)
        except DeploymentError as error:
            raise CommandError(str(error)) from error


def _where(team: str, seen: "Routing") -> str:
    from callboard.rollouts.conducting import NOBODY

    rest = f"the rest to {seen.current or NOBODY}"
    if seen.ramping:
        return f"{team}: {seen.percent:g} % of new work go to build {seen.ramping}, {rest}"
    return f"{team}: all new work goes to {f'build {seen.current}' if seen.current else NOBODY}"


def _show(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    from callboard.rollouts.showing import comparison, share_of, state_of

    console, routing = Console(), report.routing
    table = Table("build", "state", "share", "runs in flight", "registered", box=None)
    for each in report.builds:
        build = each.build
        table.add_row(
            build.name,
            state_of(each),
            share_of(routing, build),
            str(each.in_flight),
            f"{build.registered:%Y-%m-%d %H:%M} UTC",
        )
    console.print(table)
    if report.compared:
        console.print()
        beside = Table("since the ramp began", routing.current, routing.ramping, "difference", "", box=None)
        for row in comparison(report):
            beside.add_row(*row)
        console.print(beside)
        say("in brackets: where the figure lies with 95 % confidence")
    if (progress := report.by_itself) is not None:
        if progress.ending is not None:
            say(
                f"the last rollout that went on by itself, of {progress.plan.new}: {progress.ending}, {progress.reason}"
            )
        else:
            plan = progress.plan
            say(
                f"it goes on by itself: step {progress.step + 1} of {len(plan.steps)}, "
                f"{progress.ended - progress.before_step} of {plan.enough} runs ended"
            )
