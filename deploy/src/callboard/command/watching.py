"""How the processes of a stack are shown while they come and go: a table that changes, or a line per change."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from callboard.command.terminal import say
from callboard.stack.lifecycle import PartState, State

_COLOURS: Final[dict[State, str]] = {
    "waiting": "dim",
    "starting": "yellow",
    "ready": "green",
    "restarting": "yellow",
    "failed": "red",
    "stopped": "dim",
}


class View(Protocol):
    """What is told to the person while a stack runs."""

    def say(self, line: str) -> None:
        """Show a line that stays."""
        ...

    def changed(self, state: PartState) -> None:
        """Show how a process is doing now."""
        ...


@contextmanager
def view_for_terminal() -> Generator[View]:
    """Give a table that changes in a terminal, and plain lines where stderr goes elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    with Live(console=console, auto_refresh=False) as live:
        yield _Rows(live)


class Lines:
    """A line for each change."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def say(self, line: str) -> None:
        """See `View`."""
        say(line)

    def changed(self, state: PartState) -> None:
        """See `View`."""
        if state.state == "waiting":
            return
        line = f"{state.part.name}: {describe(state)}"
        # The process id alone is no news while a process comes up.
        if self._last.get(state.part.name) != line:
            self._last[state.part.name] = line
            say(line)


class _Rows:
    def __init__(self, live: Live) -> None:
        self._live = live
        self._states: dict[str, PartState] = {}

    def say(self, line: str) -> None:
        self._live.console.print(Text(line))

    def changed(self, state: PartState) -> None:
        self._states[state.part.name] = state
        table = Table.grid(padding=(0, 2))
        for each in self._states.values():
            colour = _COLOURS[each.state]
            table.add_row(Text("●", style=colour), each.part.name, Text(describe(each), style=colour))
        self._live.update(table, refresh=True)


def describe(state: PartState) -> str:
    """Return how a process is doing, in words."""
    words: str = state.state
    if state.state == "ready":
        words += f" at {state.part.address}"
    if state.restarts:
        words += f", started again {state.restarts} time{'s' if state.restarts > 1 else ''}"
    return words
