"""The command `callboard`.

Exit codes: 0 it is done; 1 it could not be done, or was refused, and one line on stderr says why and what to do;
2 the command line is wrong; 130 interrupted. Results go to stdout, everything else to stderr.

Each group of commands has a module here. They import what is heavy (Temporal, gRPC, the teams) when they run, so that
`callboard --help` and the shell's completion are quick.
"""

import sys
import traceback
from collections.abc import Sequence
from typing import Final, NoReturn

import typer

from callboard.command import (
    agents,
    approvals,
    audit,
    budgets,
    call,
    catalog,
    chat,
    contracts,
    demo,
    endpoints,
    events,
    example,
    experiment,
    keys,
    locks,
    memory,
    persons,
    replay,
    rollout,
    run,
    runs,
    shadow,
    stack,
    team,
    watch,
    workers,
)
from callboard.command.terminal import complain
from callboard_kit.process import FAILED, INTERRUPTED, run_guarded

USAGE: Final = 2
"""The exit code for a command line that makes no sense."""

app: Final = typer.Typer(
    name="callboard",
    help="Runs a mesh of agents on this machine, and asks things of one.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(stack.status)
app.command("demo")(demo.demo)
app.command("call")(call.call)
app.command("chat")(chat.chat)
app.command("run")(run.run)
app.command("audit")(audit.audit)
app.command("spend")(budgets.spend)
app.add_typer(agents.app, name="agents")
app.add_typer(approvals.app, name="approvals")
app.add_typer(budgets.app, name="budgets")
app.add_typer(catalog.app, name="catalog")
app.add_typer(events.app, name="events")
app.add_typer(example.app, name="example")
app.add_typer(experiment.app, name="experiment")
app.add_typer(contracts.app, name="contracts")
app.add_typer(keys.app, name="keys")
app.add_typer(locks.app, name="locks")
app.add_typer(memory.app, name="memory")
app.add_typer(persons.app, name="persons")
app.add_typer(replay.app, name="replay")
app.add_typer(rollout.app, name="rollout")
app.add_typer(runs.app, name="runs")
app.add_typer(shadow.app, name="shadow")
app.add_typer(team.app, name="team")
app.add_typer(watch.app, name="watch")
app.add_typer(workers.app, name="workers")
app.add_typer(endpoints.app, name="endpoints")

_shown: Final = {"trace": False}


@app.callback()
def options(
    *, debug: bool = typer.Option(False, "--debug", help="Show where an error came from, not only what it is.")
) -> None:
    """Take the options that come before the command."""
    _shown["trace"] = debug


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    run_guarded(run_command)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, this process's own by default, and return its exit code."""
    _shown["trace"] = False
    try:
        code: object = app(arguments, standalone_mode=False)
    except typer.TyperException as error:
        complain(f"{_usage(error)}; see 'callboard --help'")
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:  # The edge: whatever reaches it becomes one line, and --debug shows the rest.
        complain(_line(error))
        if _shown["trace"]:
            traceback.print_exception(error, file=sys.stderr)
        return FAILED
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException) -> str:
    return " ".join(str(getattr(error, "format_message", error.__str__)()).split()).rstrip(".")


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if type(error).__module__.partition(".")[0].startswith("callboard"):
        return text
    return f"{type(error).__name__}: {text or 'no more is known'}; 'callboard --debug …' shows where it came from"
