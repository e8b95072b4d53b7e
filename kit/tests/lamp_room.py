"""A team's room as a test writes it to a folder: a lamp, its contract, and its worker as a process of its own."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from callboard_kit.identity import SigningKey
from callboard_kit.ports import free_ports
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryUnavailableError

PACKAGE = "callboard_team_lamp"
ADMINISTRATOR = "administrator-of-the-tests"

TEAM = """
owner = "Lamp team"
contact = "lamp@example.com"

[[policy.rules]]
name = "all"
callers = ["buyer"]
services = ["lamp.v1"]
"""

CONTRACT = '''
"""What the lamp can be told."""

import os
from datetime import timedelta

import nexusrpc

from callboard_contracts import Message, promise

ENDPOINT = "lamp"


class Wish(Message):
    text: str


class Light(Message):
    text: str
    colour: str | None = None


@nexusrpc.service(name="lamp.v1")
class Lamp:
    """A lamp."""

    look: nexusrpc.Operation[Wish, Light] = promise(
        kind="query",
        effect="read",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=int(os.environ.get("LAMP_LONGEST", "20"))),
    )
    hang_on: nexusrpc.Operation[Wish, Light] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20)
    )
    ignite: nexusrpc.Operation[Wish, Light] = promise(
        kind="task", effect="write", latency=timedelta(seconds=1), longest=timedelta(seconds=60)
    )
'''

WORKFLOWS = '''
"""What happens when the lamp is lit."""

from datetime import timedelta

from temporalio import activity, workflow

from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    from callboard_team_lamp.contract import Light, Wish


@activity.defn
def write_down(path: str, text: str) -> None:
    with open(path, "a") as file:
        file.write(f"{text} {mesh.current().token_id}\\n")


@workflow.defn
class Ignite:
    @workflow.run
    async def run(self, wish: Wish, ledger: str) -> Light:
        # Longer than Temporal waits for the handler: it delivers the call again while this still runs.
        await workflow.sleep(4 if wish.text.startswith("slowly") else 0)
        await workflow.execute_activity(
            write_down, args=[ledger, wish.text], start_to_close_timeout=timedelta(seconds=10)
        )
        return Light(text=f"lit {wish.text}")
'''

MAIN = '''
"""Serves the lamp."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from nexusrpc.handler import service_handler, sync_operation
from temporalio import nexus

from callboard_kit import mesh, serve
from callboard_team_lamp.contract import Lamp, Light, Wish
from callboard_team_lamp.workflows import Ignite, write_down

HOME = Path(os.environ["CALLBOARD_HOME"])


@service_handler(service=Lamp)
class LampService:
    @sync_operation
    async def look(self, ctx, wish: Wish) -> Light:
        return Light(text=f"{wish.text} by {os.getpid()}")

    @sync_operation
    async def hang_on(self, ctx, wish: Wish) -> Light:
        while True:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue

    @nexus.workflow_run_operation
    async def ignite(self, ctx: nexus.WorkflowRunOperationContext, wish: Wish) -> nexus.WorkflowHandle[Light]:
        handle = await mesh.start_workflow(ctx, Ignite.run, wish, str(HOME / "ledger"))
        fuse = HOME / f"fuse-{wish.text.replace(' ', '-')}"
        if fuse.exists():
            fuse.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return handle


@asynccontextmanager
async def room():
    print("lights up", file=sys.stderr, flush=True)
    yield
    print("lights out", file=sys.stderr, flush=True)


serve(
    "callboard_team_lamp",
    services=[LampService()],
    workflows=[Ignite],
    activities=[write_down],
    contracts=[Lamp],
    alongside=[room()],
)
'''


class LampRoom:
    """The room, its home, and what its processes are told by their environment."""

    def __init__(self, folder: Path, *, temporal: str, registry: str, key: SigningKey | None) -> None:
        self.folder = folder
        self.home = folder / "home"
        package = folder / PACKAGE
        package.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(exist_ok=True)
        for name, text in (
            ("__init__.py", ""),
            ("contract.py", CONTRACT),
            ("workflows.py", WORKFLOWS),
            ("__main__.py", MAIN),
            ("team.toml", TEAM),
        ):
            (package / name).write_text(text)
        if key is not None:
            key.save(self.home / "keys" / "lamp.pem")
        self.environment = {
            "CALLBOARD_HOME": str(self.home),
            "CALLBOARD_PROFILE": "dev",
            "CALLBOARD_PATIENCE": "1",
            "CALLBOARD_REGISTRY": registry,
            "TEMPORAL_ADDRESS": temporal,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))),
        }

    def write_team(self, text: str) -> None:
        (self.folder / PACKAGE / "team.toml").write_text(text)

    def light_the_fuse(self, text: str) -> None:
        """Have the handler of this call killed once, after it has started the call's workflow."""
        (self.home / f"fuse-{text.replace(' ', '-')}").touch()

    def effects(self) -> list[str]:
        ledger = self.home / "ledger"
        return ledger.read_text().splitlines() if ledger.exists() else []


class Process:
    """A process of a test's, with what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: list[str] = []
        self._changed = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    @asynccontextmanager
    async def running(cls, module: str, environment: Mapping[str, str]) -> AsyncGenerator["Process"]:
        """Run a module until the block ends."""
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        process = cls(started)
        try:
            yield process
        finally:
            if started.returncode is None:
                started.kill()
            await started.wait()
            await process._reading

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            async with self._changed:
                self._said.append(line.decode().rstrip())
                self._changed.notify_all()
        async with self._changed:
            self._changed.notify_all()

    @property
    def said(self) -> str:
        return "\n".join(self._said)

    async def says(self, words: str, *, seconds: float = 40) -> None:
        """Wait until it has said these words."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: words in self.said or self._reading.done())
        assert words in self.said, self.said

    async def stopped(self) -> int:
        """Tell it to stop, as `callboard down` does; returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(60):
            return await self._process.wait()

    async def killed(self) -> None:
        self._process.kill()
        await self.ended()


@asynccontextmanager
async def registry_process(
    home: Path, keys: Sequence[SigningKey], *, port: int = 0, **told: str
) -> AsyncGenerator[tuple[str, Process]]:
    """Run a real registry that vouches for `keys` and is `told` variables; yields its address."""
    grpc, http = (port or free_ports(1)[0]), free_ports(1)[0]
    environment = {
        "CALLBOARD_HOME": str(home),
        "CALLBOARD_REGISTRY_GRPC": f"127.0.0.1:{grpc}",
        "CALLBOARD_REGISTRY_HTTP": f"127.0.0.1:{http}",
        "CALLBOARD_REGISTRY_ADMIN_TOKEN": ADMINISTRATOR,
        **told,
    }
    async with (
        Process.running("callboard_registry", environment) as process,
        RegistryClient(f"127.0.0.1:{grpc}", administrator_token=ADMINISTRATOR) as client,
    ):
        await process.says("serving gRPC")
        for key in keys:
            for _ in range(50):
                try:
                    await client.register_key(key.team, key.key_id, key.public_key.public_bytes)
                    break
                except RegistryUnavailableError:
                    await asyncio.sleep(0.1)
        yield f"127.0.0.1:{grpc}", process


_FORKS = """
import json, os, runpy, sys, time
import callboard_kit.serving
children = []
for case in json.load(sys.stdin):
    said = os.open(case["said"], os.O_CREAT | os.O_WRONLY)
    child = os.fork()
    if child == 0:
        os.environ.update(case["environment"])
        for name in case["without"]:
            os.environ.pop(name, None)
        os.dup2(said, 2)
        sys.path.insert(0, case["folder"])
        sys.argv = ["x"]
        runpy.run_module("callboard_team_lamp", run_name="__main__")
        os._exit(99)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
print(json.dumps(codes))
"""


async def serve_all(rooms: Sequence[tuple[LampRoom, Sequence[str]]]) -> list[tuple[int, str]]:
    """Serve rooms that cannot be served, each in a process of its own; returns exit codes and what they said.

    The processes are forks of one that has imported everything: eight imports at once would take longer than all else.
    `rooms` says as well which variables each process goes without.
    """
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            {
                "folder": str(room.folder),
                "environment": room.environment,
                "without": list(without),
                "said": f"{folder}/{number}",
            }
            for number, (room, without) in enumerate(rooms)
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _FORKS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate(json.dumps(cases).encode())
        said = [await asyncio.to_thread(Path(case["said"]).read_text) for case in cases]
    return list(zip(json.loads(out), said, strict=True))
