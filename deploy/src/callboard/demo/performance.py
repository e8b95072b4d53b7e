"""The demo from curtain up to curtain down."""

import asyncio
import contextlib
import shutil
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from rich.console import Console
from rich.markup import escape
from temporalio.client import Client, WorkflowFailureError

from callboard import example
from callboard.command.stack import until_told_to_stop
from callboard.command.surroundings import join_only
from callboard.command.terminal import home
from callboard.command.watching import view_for_terminal
from callboard.demo.calls import CallWatch, SeenCall
from callboard.demo.cases import NEW_ADDRESS, Case, choose
from callboard.prices import in_words
from callboard.stack.lifecycle import Stack, started, stop
from callboard.stack.redis_users import READER
from callboard_contracts import MeshError, Usage
from callboard_contracts.customers import v1 as customers
from callboard_kit.client import connect
from callboard_kit.events.writing import open_redis
from callboard_kit.failing import from_failure
from callboard_kit.settings import Settings
from callboard_orchestrator.client import TEAM, orchestrate, relocate
from callboard_orchestrator.messages import Relocation

SEED: Final = 1
CUSTOMERS: Final = 500

_MARKS: Final = {"ok": "[green]ok[/]", "refused": "[yellow]refused[/]"}


@dataclass
class Tally:
    """What the demo adds up."""

    settled: int = 0
    failures: list[str] = field(default_factory=list[str])
    calls: int = 0
    namespaces: set[str] = field(default_factory=set[str])

    @property
    def closing_line(self) -> str:
        """Return the line that the demo ends with."""
        return (
            f"demo: {self.settled} cases settled, {self.calls} calls across {len(self.namespaces)} namespaces,"
            f" {len(self.failures)} failures"
        )


@dataclass(frozen=True)
class Report:
    """What came of one case."""

    answer: str
    usage: Usage = field(default_factory=Usage)
    calls: int = 1
    """How many calls the orchestrator says it made itself."""

    refused: frozenset[tuple[str, str]] = frozenset()
    problem: str | None = None


async def perform(*, keep: bool) -> int:
    """Play the demo and return the exit code: 0 when every case was settled as it should be."""
    folder = home() / "demo"
    tally = Tally()
    finished = await until_told_to_stop(_play(folder, tally, keep=keep))
    if not finished:
        return 130
    sys.stdout.write(f"{tally.closing_line}\n")
    return 1 if tally.failures else 0


async def _play(folder: Path, tally: Tally, *, keep: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    await asyncio.to_thread(_clear, folder)
    async with contextlib.AsyncExitStack() as opened:
        with view_for_terminal() as view:
            view.say("starting a private mesh")
            stack = await opened.enter_async_context(
                started(folder, say=view.say, changed=view.changed, keep=lambda: keep)
            )
            shop = await asyncio.to_thread(
                example.fill, example.generate(SEED, CUSTOMERS), stack.plan.home, source="the made-up shop"
            )
            view.say(f"made up a shop: {len(shop.users)} customers, {len(shop.orders)} orders")
        join_only(stack.plan.environment)
        client = await connect(TEAM)
        url = Settings.from_environment().redis_for(READER)
        assert url is not None, "the stack has told where its Valkey is"
        redis = open_redis(url)
        opened.push_async_callback(redis.aclose)
        cases = choose(shop)
        for number, case in enumerate(cases, start=1):
            console.print(f"\n[bold]{number} of {len(cases)}: {escape(case.title)}[/]")
            await _settle(case, client=client, redis=redis, stack=stack, tally=tally, console=console)
        console.print()
        page = stack.plan.links["console"].replace("/catalog", "/services/orders.v1")
        console.print(f"a service as the console shows it: {page}")
        if keep:
            console.print(f"the mesh stays up: CALLBOARD_HOME={folder} callboard status, or down")
        else:
            console.print("stopping the mesh; with --keep it stays up, and the links above work")


async def _settle(case: Case, *, client: Client, redis: Redis, stack: Stack, tally: Tally, console: Console) -> None:
    def show(call: SeenCall) -> None:
        took = "" if call.seconds is None else f"{call.seconds * 1000:5.0f} ms"
        why = f"  {escape(call.reason)}" if call.outcome != "ok" and call.reason else ""
        mark = _MARKS.get(call.outcome, f"[red]{call.outcome}[/]")
        console.print(f"  {call.caller:>12} → {call.team:9} {call.operation:30} {took}  {mark}{why}")

    console.print(f"  [italic]{escape(case.words)}[/]")
    root = str(uuid.uuid4())
    watch = CallWatch(redis, root, show=show)
    before = await _records(stack)
    began = asyncio.get_running_loop().time()
    following = asyncio.create_task(watch.follow())
    try:
        report = await _ask(case, client, root)
        took = asyncio.get_running_loop().time() - began
    finally:
        watch.settled()
        await following
    await watch.finish(at_least=report.calls)
    calls = list(watch.ended.values())
    problem = _problem(case, report, calls) or case.judge(before, await _records(stack))
    tally.calls += len(calls)
    tally.namespaces |= {name for call in calls for name in (call.caller, call.team)}
    if problem is None:
        tally.settled += 1
    else:
        tally.failures.append(problem)
        console.print(f"  [red]not as it should be:[/] {escape(problem)}")
    workflow = f"{TEAM}-{'relocate' if case.relocation else 'orchestrate'}-{root}"
    page = f"{stack.plan.links['temporal']}/namespaces/{TEAM}/workflows/{workflow}"
    console_run = stack.plan.links["console"].replace("/catalog", f"/runs/{root}")
    console.print(f"  [bold]answer[/] {escape(report.answer)}")
    console.print(f"  [bold]cost[/]   {in_words(report.usage)}; {took:.1f} s")
    console.print(f"  [bold]look[/]   {page}\n         {console_run}")


async def _ask(case: Case, client: Client, root: str) -> Report:
    person = case.customer.user_id
    try:
        if case.relocation:
            assert case.customer.email is not None  # the example lets no customer in without
            moved = Relocation(customer=customers.EmailAddress(email=case.customer.email), address=NEW_ADDRESS)
            relocated = await relocate(client, moved, person=person, root=root)
            done, left = len(relocated.changed), len(relocated.unchanged)
            return Report(f"{done} records have the new address, {left} could not be changed")
        settled = await orchestrate(client, case.words, person=person, root=root)
    except WorkflowFailureError as error:
        reason = from_failure(error, what=case.title) or MeshError("it was cancelled")
        return Report(answer="none", problem=str(reason))
    refused = frozenset((call.service, call.operation) for call in settled.calls if call.outcome == "refused")
    return Report(answer=settled.answer, usage=settled.usage, calls=len(settled.calls), refused=refused)


def _problem(case: Case, report: Report, calls: Sequence[SeenCall]) -> str | None:
    if report.problem is not None:
        return report.problem
    if case.refused is not None and case.refused not in report.refused:
        return f"{case.refused[0]} {case.refused[1]} was not refused"
    if case.refused is None and report.refused:
        return f"{', '.join(' '.join(each) for each in sorted(report.refused))} was refused"
    if missing := case.teams - {call.team for call in calls}:
        return f"no call to {', '.join(sorted(missing))} was seen"
    return None


async def _records(stack: Stack) -> example.Records:
    return example.Records.model_validate(await asyncio.to_thread(example.collect, stack.plan.home))


def _clear(folder: Path) -> None:
    # Whatever an earlier demo left, running or not: each begins with an empty house.
    stop(folder)
    shutil.rmtree(folder, ignore_errors=True)
