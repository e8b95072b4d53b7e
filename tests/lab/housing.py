"""The processes of a trial: started, killed and started again, and never anyone else's."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]

_BETWEEN_LOOKS_SECONDS: Final = 0.1
_LOOKS: Final = 600
"""A minute of them: the file is all that another process tells of itself."""


class House:
    """Processes by name. Each writes its log beside the others; one that serves writes its id into `NAME.ready`.

    Args:
        folder: Where logs are written, and ready files are looked for.
        lines: The command line of each process.
        environment: What they find in their environment besides this process's own.
    """

    def __init__(
        self, folder: Path, lines: Mapping[str, Sequence[str]], *, environment: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._lines = lines
        self._environment = {**os.environ, **(environment or {})}
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str) -> None:
        """Start a process."""
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                *self._lines[name],
                env=self._environment,
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self, name: str) -> None:
        """Wait until a process serves, has ended, or has had its time."""
        file, process = self._folder / f"{name}.ready", self._processes[name]
        for _ in range(_LOOKS):
            if process.returncode is not None or (file.exists() and file.read_text("utf-8") == str(process.pid)):
                return
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)

    async def kill(self, name: str) -> None:
        """Kill a process, and start it again."""
        await self._end(name, signal.SIGKILL)
        await self.start(name)

    async def revive(self) -> None:
        """Start again what has ended."""
        for name, process in list(self._processes.items()):
            if process.returncode is not None:
                await self.start(name)

    async def close(self) -> None:
        """End all processes, the last first."""
        for name in reversed(list(self._processes)):
            await self._end(name, signal.SIGTERM)

    async def _end(self, name: str, how: signal.Signals) -> None:
        process = self._processes[name]
        with suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
