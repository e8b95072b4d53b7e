"""`callboard shadow`: gives a candidate copies of real calls, in which nothing is done, and compares its answers."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callboard.command import experiment
from callboard.command.terminal import print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from temporalio.client import Client

    from callboard_kit.trials.shadow import ShadowPlan, ShadowReport
    from callboard_registry_api.client import RegistryClient

app = typer.Typer(
    help="Gives a candidate copies of real calls, in which nothing is done, and compares its answers.",
    no_args_is_help=True,
)

_Team = Annotated[str, typer.Argument(help="The team.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_SHOWN: Final = 10


@app.command("start")
def start(
    team: _Team,
    *,
    build: Annotated[str, typer.Option("--build", help="The candidate; absent: the youngest new build.")] = "",
    share: Annotated[float, typer.Option("--share", help="Of the calls that are copied, in per cent.", max=100)] = 10.0,
    operation: Annotated[
        list[str] | None, typer.Option("--operation", help="Which operation; absent: all with a workflow behind them.")
    ] = None,
    most: Annotated[int, typer.Option("--most", help="Copies, at most.", min=1, max=1000)] = 100,
    budget: Annotated[float, typer.Option("--budget", help="US dollars for all copies' models.", min=0)] = 5.0,
    each: Annotated[float, typer.Option("--each", help="US dollars for one copy's models.", min=0)] = 0.25,
    patience: Annotated[
        float, typer.Option("--patience", help="Seconds that a call, and its copy, may take.", min=1, max=86_400)
    ] = 600.0,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", help="JSON pointer below which differences do not count; besides /answer/usage."),
    ] = None,
    days: Annotated[float, typer.Option("--days", help="When it ends by itself.", min=0.001, max=30)] = 1.0,
) -> None:
    """Copy a share of the calls to a candidate, as dry runs, when the real ones have ended."""
    if share <= 0:
        raise CommandError(f"--share is {share:g}; it must be more than 0")
    operations = experiment.operations_of(team, operation)

    async def work(client: "Client", registry: "RegistryClient") -> "ShadowPlan":
        from callboard.trials.planning import two_builds
        from callboard_kit.settings import Settings
        from callboard_kit.trials.shadow import ShadowPlan, begin_shadow

        queue = Settings.from_environment().physical(team)
        _, candidate = await two_builds(client, team, registry=registry, task_queue=queue, other=build)
        now = datetime.now(UTC)
        plan = ShadowPlan(
            id=f"{now:%Y%m%d}-{uuid.uuid4().hex[:6]}",
            team=team,
            candidate=candidate,
            share=share,
            operations=operations,
            most=most,
            budget_usd=budget,
            each_usd=min(each, budget),
            patience=timedelta(seconds=patience),
            ignore=("/answer/usage", *(ignore or ())),
            began=now,
            ends=now + timedelta(days=days),
        )
        await begin_shadow(client, plan, task_queue=queue)
        return plan

    plan = asyncio.run(experiment.conducting(team, work))
    say(_words(plan))
    say(f"workers copy within 5 s; 'callboard shadow report {team}' tells what comes of it")


@app.command("report")
def report(team: _Team, *, as_json: _Json = False) -> None:
    """Show how far the candidate agrees with the build that serves, and where it does not."""
    found = asyncio.run(experiment.conducting(team, lambda client, _: _report(client, team)))
    if as_json:
        from callboard.trials.showing import shadow_data

        print_json(shadow_data(found))
        return
    _show(found)


@app.command("stop")
def stop(team: _Team) -> None:
    """End the shadow: nothing is copied any more."""

    async def work(client: "Client", _: "RegistryClient") -> None:
        from callboard_kit.trials.shadow import shadow_id
        from callboard_kit.trials.standing import stop as end

        await end(client, shadow_id(team), f"shadow of team {team!r}")

    asyncio.run(experiment.conducting(team, work))
    say(f"{team}: the shadow has ended")


async def _report(client: "Client", team: str) -> "ShadowReport":
    from temporalio.client import WorkflowExecutionStatus
    from temporalio.service import RPCError, RPCStatusCode

    from callboard_kit.trials.shadow import REPORT, ShadowReport, shadow_id

    handle = client.get_workflow_handle(shadow_id(team), result_type=ShadowReport)
    try:
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            return await handle.result()
        return await handle.query(REPORT, result_type=ShadowReport, rpc_timeout=timedelta(seconds=10))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise CommandError(f"team {team!r} has had no shadow that Temporal still knows of") from error
        if error.status is RPCStatusCode.DEADLINE_EXCEEDED:
            raise CommandError(f"no worker of team {team!r} says how its shadow does; start one") from error
        raise


def _words(plan: "ShadowPlan") -> str:
    return (
        f"{plan.team}, shadow {plan.id}: {plan.share:g} % of calls are copied to build {plan.candidate}, at most"
        f" {plan.most} of them for {plan.budget_usd:g} $, until {plan.ends:%Y-%m-%d %H:%M} UTC;"
        f" operations: {', '.join(plan.operations)}"
    )


def _show(report: "ShadowReport") -> None:
    from callboard.trials.showing import agreement, percents

    say(_words(report.plan) + (f"; {report.ended}" if report.ended else ""))
    print_result(
        f"{report.made} copies made, {report.compared} compared, {report.skipped} not compared,"
        f" {report.left_out} left out; {report.effects} effects asked for and none done; {report.spent_usd:.4f} $ spent"
    )
    for name, hits, estimate in agreement(report):
        print_result(f"the same in {name}: {hits} of {report.compared}, {percents(estimate)}")
    for pointer, times in sorted(report.pointers.items(), key=lambda each: (-each[1], each[0]))[:_SHOWN]:
        print_result(f"differs at {pointer}: {times} times")
    for case in report.cases[-_SHOWN:]:
        what = case.skipped or ", ".join(f"{each.pointer} ({each.how})" for each in case.differences)
        print_result(f"{case.wanted.workflow_id}: {what}")
