import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import pytest

from callboard_kit.ports import free_ports

KEY = "key-of-the-tests"


@dataclass(frozen=True)
class Server:
    """An offline model that runs, and two ways to speak to it: as an agent, as a director."""

    address: str
    model: openai.AsyncOpenAI
    http: httpx.AsyncClient


@contextlib.asynccontextmanager
async def serving(*options: str) -> AsyncGenerator[Server]:
    port = free_ports(1)[0]
    command = (sys.executable, "-m", "callboard.offline_model", "--port", str(port), "--api-key", KEY, *options)
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        async with (
            httpx.AsyncClient(base_url=address, timeout=60) as http,
            openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as model,
        ):
            async with asyncio.timeout(60):
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        if (await http.get("/offline/health")).is_success:
                            break
                    await asyncio.sleep(0.05)
            yield Server(address, model, http)
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(scope="session")
async def running_server() -> AsyncGenerator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture
async def server(running_server: Server) -> AsyncGenerator[Server]:
    """Give a server without scripts and faults."""
    await running_server.http.delete("/offline/scripts")
    await running_server.http.put("/offline/faults", json={})
    yield running_server


@pytest.fixture
def with_ledger(tmp_path: Path) -> Callable[[], contextlib.AbstractAsyncContextManager[Server]]:
    """Give a server that keeps its ledger in one file, however often it is started."""
    return lambda: serving("--ledger", str(tmp_path / "ledger.jsonl"))
