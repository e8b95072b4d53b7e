"""What a person sees while they wait: on stderr, so that stdout holds the answer only."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress:
    """Lines and bars."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)

    def say(self, text: str) -> None:
        """Say what is being done."""
        self._console.print(text, style="dim", highlight=False)

    @contextmanager
    def rounds(self, what: str, count: int) -> Generator[Callable[[], None]]:
        """Show how many of `count` rounds are done; call what it gives after each."""
        columns = (TextColumn("{task.description:<58}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(what, total=count)
            yield lambda: bars.advance(task)
