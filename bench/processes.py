"""The processes of a benchmark: started with an environment of their own, and stopped whatever happens."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_FOREIGN = ("CALLBOARD_", "TEMPORAL_", "OTEL_", "OPENAI_")
"""Variables of whoever starts a benchmark that must not change what is measured."""


class BenchError(Exception):
    """A benchmark that cannot be run; the message says what to look at."""


def processor_seconds(processes: Iterable[int]) -> float:
    """Return the processor time that these processes have used since they started, their own threads included."""
    return sum(sum(psutil.Process(process).cpu_times()[:2]) for process in processes)


class Processes:
    """Processes that end with a block, the last one started first."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self._environment = {**inherited, **environment}
        self._running: list[tuple[str, asyncio.subprocess.Process]] = []

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, process in reversed(self._running):
            if process.returncode is None:
                process.terminate()
        for _, process in reversed(self._running):
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def start(self, name: str, argv: Sequence[str]) -> int:
        """Start a process and return its id; its output goes to `<name>.log`."""
        with (self._logs / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *argv,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                # Ctrl-C in a terminal reaches a whole group; these are stopped by us, in order.
                start_new_session=True,
            )
        self._running.append((name, process))
        return process.pid

    def check(self) -> None:
        """Do nothing while every process runs.

        Raises:
            BenchError: One has ended; the message has the last lines it wrote.
        """
        for name, process in self._running:
            if process.returncode is not None:
                lines = (self._logs / f"{name}.log").read_text(errors="replace").splitlines()[-5:]
                raise BenchError(f"{name} ended with {process.returncode}: {' | '.join(lines)}")
