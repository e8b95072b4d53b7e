"""`callboard workers`: which workers are there, what they serve and when they were last heard of."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.registry import open_registry
from callboard.command.terminal import print_json, say, since

if TYPE_CHECKING:
    from callboard_registry_api.health import ObservedQueue, Worker

app = typer.Typer(help="Shows the workers that say they are there.", no_args_is_help=True)


@app.command("list")
def list_workers(
    team: Annotated[str, typer.Argument(help="The team; absent: all teams.")] = "",
    *,
    service: Annotated[str, typer.Option("--service", help="Only those that serve it, as in orders.v1.")] = "",
    past: Annotated[bool, typer.Option("--past", help="Also those that are lost or have stopped, for a day.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List workers: their build, what they serve, and when the registry and Temporal last heard of them."""

    async def fetch() -> "list[Worker]":
        async with open_registry() as registry:
            return [each async for each in registry.health.workers(team=team, service=service, past=past)]

    workers = asyncio.run(fetch())
    if as_json:
        print_json([_data(each) for each in workers])
        return
    if not workers:
        whose = f" of {team}" if team else ""
        what = f" that serves {service}" if service else ""
        say(f"no worker{whose}{what} is there" + ("" if past else "; --past shows those that were, for a day"))
        return
    from rich.console import Console
    from rich.table import Table

    now = datetime.now(UTC)
    table = Table(box=None)
    for column in ("team", "worker", "state", "heard", "polled"):
        table.add_column(column, no_wrap=True)
    for column in ("build", "serves"):
        table.add_column(column, overflow="fold")
    for each in workers:
        serves = ", ".join(f"{one.service} {one.digest.removeprefix('sha256:')[:6]}" for one in each.serves)
        heard = f"{since(each.seen, now)} ago"
        polled = "never" if each.polled is None else f"{since(each.polled, now)} ago"
        table.add_row(each.team, each.identity, each.state, heard, polled, each.build, serves or "nothing")
    Console().print(table)


@app.command("queues")
def list_queues(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the task queues that workers work on: who asks for work, and how much waits for how long."""

    async def fetch() -> "list[ObservedQueue]":
        async with open_registry() as registry:
            return [each async for each in registry.health.queues()]

    queues = asyncio.run(fetch())
    if as_json:
        print_json([_queue_data(each) for each in queues])
        return
    if not queues:
        say("the observer has seen no task queue yet")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("task queue", "tasks", "pollers", "polled", "waiting", "the oldest for", box=None)
    for queue in queues:
        name = f"{queue.namespace}/{queue.task_queue}"
        if queue.error:
            table.add_row(name, queue.error)
        for each in queue.tasks if not queue.error else ():
            last = max((one.last for one in each.pollers), default=None)
            polled = "never" if last is None else f"{since(last, queue.as_of)} ago"
            oldest = f"{each.oldest.total_seconds():.0f} s" if each.backlog else ""
            mark = ", too long" if each.congested else ""
            table.add_row(name, each.kind, str(len(each.pollers)), polled, str(each.backlog), oldest + mark)
            name = ""
    Console().print(table)
    say(f"as of {min(each.as_of for each in queues):%Y-%m-%d %H:%M:%S} UTC")


def _queue_data(queue: "ObservedQueue") -> dict[str, object]:
    return {
        "namespace": queue.namespace,
        "task_queue": queue.task_queue,
        "tasks": [
            {
                "kind": each.kind,
                "pollers": [{"identity": one.identity, "last": one.last.isoformat()} for one in each.pollers],
                "backlog": each.backlog,
                "oldest_seconds": each.oldest.total_seconds(),
                "congested": each.congested,
            }
            for each in queue.tasks
        ],
        "error": queue.error,
        "as_of": queue.as_of.isoformat(),
    }


def _data(worker: "Worker") -> dict[str, object]:
    return {
        "team": worker.team,
        "worker": worker.worker,
        "state": worker.state,
        "identity": worker.identity,
        "namespace": worker.namespace,
        "task_queue": worker.task_queue,
        "build": worker.build,
        "kit_version": worker.kit_version,
        "sdk_version": worker.sdk_version,
        "serves": [vars(each) for each in worker.serves],
        "started": worker.started.isoformat(),
        "seen": worker.seen.isoformat(),
        "polled": None if worker.polled is None else worker.polled.isoformat(),
    }
