"""`callboard experiment`: gives a share of real calls to another build, and tells what the difference is."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from temporalio.client import Client

    from callboard_kit.trials.assigning import Experiment
    from callboard_kit.trials.reporting import ExperimentReport
    from callboard_registry_api.client import RegistryClient

app = typer.Typer(
    help="Gives a share of real calls to another build of a team, and tells what the difference is.",
    no_args_is_help=True,
)

ResultT = TypeVar("ResultT")

_Team = Annotated[str, typer.Argument(help="The team.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Which = Annotated[str, typer.Option("--id", help="Which experiment; absent: the last one.")]


@app.command("start")
def start(
    team: _Team,
    *,
    build: Annotated[str, typer.Option("--build", help="The build that is tried; absent: the youngest new one.")] = "",
    against: Annotated[str, typer.Option("--against", help="The build it is held against; absent: the current.")] = "",
    share: Annotated[float, typer.Option("--share", help="Its share, in per cent.", min=0.1, max=99.9)] = 50.0,
    by: Annotated[str, typer.Option("--by", help="What stays with its build: root or entity.")] = "root",
    operation: Annotated[
        list[str] | None, typer.Option("--operation", help="Which operation; absent: all with a workflow behind them.")
    ] = None,
    days: Annotated[float, typer.Option("--days", help="When it ends by itself.", min=0.001, max=90)] = 14.0,
) -> None:
    """Give a share of the calls to another build, and keep each tree or each record with its build."""
    unit = _unit(by)
    operations = operations_of(team, operation)

    async def work(client: "Client", registry: "RegistryClient") -> "Experiment":
        from callboard.trials.planning import two_builds
        from callboard_kit.settings import Settings
        from callboard_kit.trials.assigning import Experiment
        from callboard_kit.trials.standing import begin_experiment

        queue = Settings.from_environment().physical(team)
        a, b = await two_builds(client, team, registry=registry, task_queue=queue, other=build, against=against)
        now = datetime.now(UTC)
        experiment = Experiment(
            id=f"{now:%Y%m%d}-{uuid.uuid4().hex[:6]}",
            team=team,
            a=a,
            b=b,
            share=share,
            by=unit,
            operations=operations,
            began=now,
            ends=now + timedelta(days=days),
        )
        await begin_experiment(client, experiment, task_queue=queue)
        return experiment

    begun = asyncio.run(conducting(team, work))
    say(_words(begun))
    say(f"workers deal by it within 5 s; 'callboard experiment report {team}' tells what comes of it")


@app.command("status")
def status(team: _Team, *, as_json: _Json = False) -> None:
    """Show the experiment that is in force, if there is one."""

    async def work(client: "Client", _: "RegistryClient") -> "Experiment | None":
        from callboard_kit.trials.assigning import Experiment
        from callboard_kit.trials.standing import experiment_id, in_force

        return await in_force(client, experiment_id(team), Experiment)

    found = asyncio.run(conducting(team, work))
    if as_json:
        print_json(None if found is None else found.model_dump(mode="json"))
        return
    say(f"{team}: no experiment is in force" if found is None else _words(found))


@app.command("report")
def report(
    team: _Team,
    *,
    which: _Which = "",
    confidence: Annotated[float, typer.Option("--confidence", help="Of the intervals.", min=0.5, max=0.9999)] = 0.95,
    as_json: _Json = False,
) -> None:
    """Show both arms side by side: figures, differences and effect sizes, all with their intervals."""

    async def work(client: "Client", registry: "RegistryClient") -> "tuple[ExperimentReport, datetime | None]":
        from callboard_kit.trials.assigning import Experiment
        from callboard_kit.trials.reporting import read_records, report_of
        from callboard_kit.trials.standing import experiment_id, known

        async for each, ended in known(client, experiment_id(team), Experiment):
            if which in ("", each.id):
                until = min(ended or datetime.now(UTC), each.ends)
                records, more = await read_records(registry, each, until=until)
                return report_of(each, records, confidence=confidence, truncated=more), ended
        raise CommandError(
            f"team {team!r} has no experiment {which!r} that Temporal still knows of"
            if which
            else f"team {team!r} has had no experiment that Temporal still knows of"
        )

    found, ended = asyncio.run(conducting(team, work))
    if as_json:
        from callboard.trials.showing import experiment_data

        print_json(experiment_data(found, ended))
        return
    _show(found, ended, confidence)


@app.command("stop")
def stop(team: _Team) -> None:
    """End the experiment: all calls go wherever new work goes."""

    async def work(client: "Client", _: "RegistryClient") -> None:
        from callboard_kit.trials.standing import experiment_id
        from callboard_kit.trials.standing import stop as end

        await end(client, experiment_id(team), f"experiment of team {team!r}")

    asyncio.run(conducting(team, work))
    say(f"{team}: the experiment has ended; runs end on the build that began them")


def _unit(text: str) -> Literal["root", "entity"]:
    if text == "root" or text == "entity":
        return text
    raise CommandError(f"--by is {text!r}; use root or entity")


def operations_of(team: str, wanted: list[str] | None) -> tuple[str, ...]:
    """Return the operations that a trial of a team's builds is about.

    Raises:
        CommandError: There is no such team here, or no such operation that could be placed.
    """
    from callboard.trials.planning import placeable
    from callboard_kit.teams import installed_teams

    rooms = installed_teams()
    if team not in rooms:
        raise CommandError(f"there is no team {team!r} here; the teams are {', '.join(rooms)}")
    return placeable(team, {team: rooms[team]}, wanted or ())


async def conducting(team: str, work: "Callable[[Client, RegistryClient], Awaitable[ResultT]]") -> ResultT:
    """Do `work` with a client of the team's namespace and of the registry.

    Raises:
        CommandError: What was wanted is not possible.
    """
    join_mesh()
    from callboard.command.namespaces import namespace_client
    from callboard_kit.rollouts.deployment import DeploymentError
    from callboard_kit.trials.standing import TrialError

    client = await namespace_client(team)
    async with open_registry() as registry:
        try:
            return await work(client, registry)
        except (DeploymentError, TrialError) as error:
            raise CommandError(str(error)) from error


def _words(experiment: "Experiment") -> str:
    kept = "tree of calls" if experiment.by == "root" else "record"
    return (
        f"{experiment.team}, experiment {experiment.id}: {experiment.share:g} % to build {experiment.b}, the rest to"
        f" {experiment.a}, each {kept} to one of them, until {experiment.ends:%Y-%m-%d %H:%M} UTC;"
        f" operations: {', '.join(experiment.operations)}"
    )


def _show(report: "ExperimentReport", ended: datetime | None, confidence: float) -> None:
    from rich.console import Console
    from rich.table import Table

    from callboard.trials.showing import experiment_rows

    say(_words(report.experiment) + ("" if ended is None else f"; it ended {ended:%Y-%m-%d %H:%M} UTC"))
    table = Table("", f"a: {report.experiment.a}", f"b: {report.experiment.b}", "b - a", "effect", "", box=None)
    for row in experiment_rows(report):
        table.add_row(*row)
    Console().print(table)
    say(f"in brackets: where the figure lies with {confidence * 100:g} % confidence, of this one look")
    if report.misplaced:
        say(f"{report.misplaced} units are left out: another build than theirs did some of their work")
    if report.truncated:
        say("there are more call records than are looked at: the oldest are left out")
