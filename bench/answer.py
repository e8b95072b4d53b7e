"""What a run of the benchmarks answers: a table for a person, and a file for programs."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.imports import LIMIT, ImportTime
from bench.machine import Machine
from bench.progress import Progress
from bench.ratios import Estimate
from bench.results import Line

_COLOURS = {"holds": "green", "misses": "bold red", "": ""}


@dataclass
class Answer:
    """Everything that one run found."""

    machine: Machine
    quick: bool
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    lines: list[Line] = field(default_factory=list)
    imports: list[ImportTime] = field(default_factory=list)
    complete: bool = False
    """Whether everything was measured that was asked for."""

    async def take(self, lines: AsyncGenerator[Line], *, progress: Progress) -> None:
        """Take lines as they become known, so that a run that is stopped still answers what it found."""
        async with aclosing(lines):
            async for line in lines:
                self.lines.append(line)
                progress.say(f"  {line.side}: {line.ratio.value:.2f} times {line.against}, {_interval(line.ratio)}")

    @property
    def missed(self) -> list[str]:
        """Return what did not stay within its bar."""
        return [
            *(_named(line) for line in self.lines if line.verdict == "misses"),
            *(f"import {each.module}" for each in self.imports if each.verdict == "misses"),
        ]

    def save(self, folder: Path) -> Path:
        """Write everything to a file in `folder` and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.began:%Y-%m-%dT%H%M%SZ}{'-quick' if self.quick else ''}.json"
        document = {
            "began": self.began.isoformat(),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": self.quick,
            "complete": self.complete,
            "machine": asdict(self.machine),
            "lines": [{**asdict(line), "verdict": line.verdict} for line in self.lines],
            "imports": [
                {**asdict(each), "median": each.median, "slowest": each.slowest, "verdict": each.verdict}
                for each in self.imports
            ],
            "missed": self.missed,
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return path

    def show(self, console: Console) -> None:
        """Print the tables."""
        for (part, settings), title in _TITLES.items():
            found = [line for line in self.lines if (line.part, line.settings) == (part, settings)]
            if found:
                console.print(_table(title, found))
        if self.imports:
            console.print(_import_table(self.imports))


_TITLES = {
    ("plugin", "tuned"): "A call of the mesh against bare Temporal, the stack's settings",
    ("plugin", "default"): "The same on Temporal's default settings",
    ("loop", "tuned"): "The agent loop against one written by hand",
    ("locks", "tuned"): "What a lock costs that nobody waits for",
    ("size", "tuned"): "A mesh of many teams against one of two",
    ("registry", ""): "The registry",
    ("console", ""): "Pages of the console, the slowest of twenty",
    ("streams", ""): "Live words, from the model to a client of the gateway",
}


def _named(line: Line) -> str:
    return f"{line.what}, {line.side}" + (f", {line.settings} settings" if line.settings else "")


def _table(title: str, lines: Sequence[Line]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for name in ("what", "side", "against"):
        table.add_column(name)
    for name in ("ratio", "95 % interval", "noise", "bar", "", "rounds"):
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(
            line.what,
            f"{line.side} {_figure(line.value)} {line.unit}",
            f"{line.against} {_figure(line.value_against)} {line.unit}",
            f"{line.ratio.value:.2f}",
            _interval(line.ratio),
            _interval(line.noise),
            str(line.bar or ""),
            f"[{colour}]{line.verdict}[/]" if (colour := _COLOURS[line.verdict]) else "",
            str(line.rounds),
        )
    return table


def _import_table(imports: Sequence[ImportTime]) -> Table:
    table = Table(title="Import in a fresh process", title_justify="left", title_style="bold", show_edge=False)
    table.add_column("module")
    for name in ("median", "bar", "", "slowest", "processor", "times"):
        table.add_column(name, justify="right")
    for each in imports:
        colour = _COLOURS[each.verdict]
        table.add_row(
            each.module,
            f"{each.median:.3f} s",
            f"{LIMIT} s" if each.judged else "",
            f"[{colour}]{each.verdict}[/]" if colour else "",
            f"{each.slowest:.3f} s",
            f"{median(each.processor):.3f} s",
            str(len(each.seconds)),
        )
    return table


def _figure(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.2f}–{estimate.high:.2f}"  # noqa: RUF001 - an en dash is what stands between two numbers
