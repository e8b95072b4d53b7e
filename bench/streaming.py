"""How long a model's word takes to whoever reads it, and whether any is lost when many runs stream at once.

The whole path is measured: a model's server in a process of its own, the orchestrator's worker, Valkey, the gateway,
and a client over HTTP. Against it stand the two bare hops that no path can do without (one entry added to a Redis
stream and read from it, and one chunk over HTTP), and the same by Temporal's own workflow streams.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import httpx
from redis.asyncio import Redis
from temporalio.client import Client

from bench import ticking
from bench.metronome import MODEL
from bench.place import valkey
from bench.processes import BenchError, Processes
from bench.progress import Progress
from bench.ratios import Estimate
from bench.results import Bar, Line, times
from bench.rounds import play
from callboard.stack import lifecycle
from callboard.stack.parts import plan
from callboard_kit.client import load_key
from callboard_kit.persons import Person, issue_token
from callboard_kit.ports import LOOPBACK, free_ports
from callboard_kit.settings import Settings

BEATS: Final = 50
PAUSE: Final = 0.02
AT_ONCE: Final = 200
BEATS_AT_ONCE: Final = 20
PAUSE_AT_ONCE: Final = 0.5

ALWAYS_TOLD: Final = ("run.started", "step.started", "step.ended", "usage", "run.ended")
"""What is told once of each run beside its words: the model answers in one step."""

TWICE_THE_HOPS: Final = Bar(2)
A_FIFTH: Final = Bar(0.2)
NOTHING_LOST: Final = Bar(0, unit="lost")


@dataclass(frozen=True)
class Heard:
    """What came of one run."""

    words: dict[str, float]
    """The seconds of each word on its way, by the time at which it left the model."""

    told: Counter[str]
    """How often each kind of event came."""

    def lost(self, beats: int) -> int:
        """Return how many events did not come: of so many words, and of what is always told."""
        return beats - len(self.words) + sum(not self.told[kind] for kind in ALWAYS_TOLD)


@dataclass(frozen=True)
class Scene:
    """Everything that is measured in."""

    gateway: httpx.AsyncClient
    metronome: httpx.AsyncClient
    redis_url: str
    temporal: Client

    async def by_the_mesh(self) -> list[float]:
        """Return the seconds from the model to a client of the gateway, word by word."""
        [heard] = await self.runs(1, BEATS, PAUSE)
        return list(heard.words.values())

    async def by_the_hops(self) -> list[float]:
        """Return the seconds of an entry in Redis and of a chunk over HTTP together, pair by pair."""
        entries = await self._by_redis()
        chunks = await self._by_http()
        return [entry + chunk for entry, chunk in zip(entries, chunks, strict=True)]

    async def by_workflow_streams(self) -> list[float]:
        """Return the seconds from the model to a subscriber of a workflow stream, word by word."""
        found: list[float] = []
        for piece in await ticking.heard(self.temporal, _words(BEATS, PAUSE)):
            *stamps, came = piece.split()
            found += [_since(stamp, int(came)) for stamp in stamps]
        return found

    async def runs(self, count: int, beats: int, pause: float) -> list[Heard]:
        """Start runs at once, follow all of them, and return what came of each."""
        return await asyncio.gather(*(self._run(beats, pause) for _ in range(count)))

    async def _run(self, beats: int, pause: float) -> Heard:
        body = {"words": _words(beats, pause), "mode": "autonomous"}
        started = (await self.gateway.post("/v1/runs", json=body)).raise_for_status().json()
        heard = Heard({}, Counter())
        async with self.gateway.stream("GET", f"/v1/runs/{started['id']}/events") as response:
            async for line in response.aiter_lines():
                if not line.startswith("data: "):
                    continue
                came = time.monotonic_ns()
                event = json.loads(line.removeprefix("data: "))
                heard.told[event["kind"]] += 1
                if event["kind"] == "step.retracted":
                    heard.words.clear()  # The model was asked again, and says all of it once more.
                elif event["kind"] == "text.delta":
                    heard.words.update((stamp, _since(stamp, came)) for stamp in event["data"]["text"].split())
        return heard

    async def _by_http(self) -> list[float]:
        found: list[float] = []
        asked = {"count": BEATS, "pause": PAUSE}
        async with self.metronome.stream("GET", "/chunks", params=asked) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    found.append(_since(line.split()[1], time.monotonic_ns()))
        return found

    async def _by_redis(self) -> list[float]:
        found: list[float] = []
        name, last = f"events:bench-{uuid.uuid4().hex}", "0"
        asked = {"count": BEATS, "pause": PAUSE, "url": self.redis_url, "stream": name}
        adding = asyncio.create_task(self.metronome.post("/entries", params=asked))
        async with Redis.from_url(self.redis_url, decode_responses=True, protocol=2) as redis:
            while len(found) < BEATS:
                for _, entries in await redis.xread({name: last}, block=5_000) or []:
                    came = time.monotonic_ns()
                    found += [_since(fields["beat"], came) for _, fields in entries]
                    last = entries[-1][0]
        await adding
        return found


async def measure(home: Path, *, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    """Measure the way of a word, and a crowd of runs."""
    progress.say("streams: starting a mesh with the orchestrator alone, and a metronome for a model")
    port, valkey_port = free_ports(2)
    redis_url = f"redis://{LOOPBACK}:{valkey_port}/0"
    model = f"http://{LOOPBACK}:{port}"
    told = {"OPENAI_BASE_URL": f"{model}/v1", "OPENAI_API_KEY": "none", "CALLBOARD_MODEL": MODEL}
    folder = home / "mesh"
    folder.mkdir(parents=True)
    with _environment(told):
        without = [team for team in plan(folder).teams if team != "orchestrator"]
        async with lifecycle.started(folder, say=_nothing, changed=_nothing, without=without) as stack:
            environment = {**stack.plan.environment, **told, "PYTHONPATH": str(Path(__file__).parents[1])}
            async with Processes(home / "logs", environment) as processes:
                await processes.start("metronome", [sys.executable, "-m", "bench.metronome", str(port)])
                await processes.start("ticking", [sys.executable, "-m", "bench.ticking"])
                await processes.start("valkey", valkey(valkey_port, home))
                temporal = await Client.connect(stack.plan.environment["TEMPORAL_ADDRESS"], namespace="orchestrator")
                async with (
                    httpx.AsyncClient(base_url=model, timeout=60, limits=httpx.Limits(keepalive_expiry=2)) as metronome,
                    _client_of_gateway(stack) as gateway,
                ):
                    await _until_answers(metronome)
                    scene = Scene(gateway, metronome, redis_url, temporal)
                    for side in (scene.by_the_mesh, scene.by_the_hops, scene.by_workflow_streams):
                        await side()  # Connections, and what is loaded with the first use.
                    what = "a word, from leaving the model to whoever reads it"
                    with progress.rounds(what, rounds) as done:
                        played = await play(
                            {
                                "mesh": scene.by_the_mesh,
                                "bare hops": scene.by_the_hops,
                                "workflow streams": scene.by_workflow_streams,
                            },
                            rounds,
                            after_each=done,
                        )
                    processes.check()
                    line = partial(times, played, part="streams", settings="", what=what, side="mesh")
                    yield line(against="bare hops", bar=TWICE_THE_HOPS)
                    yield line(against="workflow streams", bar=A_FIFTH)
                    progress.say(f"streams: {AT_ONCE} runs at once")
                    yield _crowd(await scene.runs(AT_ONCE, BEATS_AT_ONCE, PAUSE_AT_ONCE))
                    processes.check()


def _crowd(heard: Sequence[Heard]) -> Line:
    expected = AT_ONCE * (BEATS_AT_ONCE + len(ALWAYS_TOLD))
    latencies = [latency for each in heard for latency in each.words.values()]
    lost = sum(each.lost(BEATS_AT_ONCE) for each in heard)
    came = expected - lost
    one = Estimate(came / expected, came / expected, came / expected)
    return Line(
        part="streams",
        settings="",
        what=f"{AT_ONCE} runs streaming at once, p50 {median(latencies) * 1e3:.0f} ms",
        side="events that did not come:",
        against="of",
        unit="lost",
        value=lost,
        value_against=expected,
        ratio=one,
        noise=Estimate(1, 1, 1),
        rounds=1,
        bar=NOTHING_LOST,
    )


def _client_of_gateway(stack: lifecycle.Stack) -> httpx.AsyncClient:
    settings = Settings.from_environment({**stack.plan.environment})
    person = Person(name="bench", scopes=("runs",))
    token = issue_token(load_key("inbox", settings), person, now=time.time(), lifetime=timedelta(hours=3))
    [address] = [part.address for part in stack.plan.parts if part.name == "gateway"]
    limits = httpx.Limits(max_connections=2 * AT_ONCE, max_keepalive_connections=AT_ONCE, keepalive_expiry=2)
    headers = {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=120, limits=limits)


@contextmanager
def _environment(told: dict[str, str]) -> Generator[None]:
    """Have the mesh told these variables, and none that whoever starts the benchmark has."""
    ours = ("CALLBOARD_", "TEMPORAL_", "OPENAI_", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if name.startswith(ours)}
    for name in kept:
        del os.environ[name]
    os.environ.update(told)
    try:
        yield
    finally:
        for name in told:
            os.environ.pop(name, None)
        os.environ.update(kept)


async def _until_answers(metronome: httpx.AsyncClient) -> None:
    for _ in range(300):
        try:
            await metronome.get("/")
        except httpx.TransportError:
            await asyncio.sleep(0.1)
        else:
            return
    raise BenchError("the metronome did not answer within 30 s")


def _words(beats: int, pause: float) -> str:
    return f"beat {beats} every {pause}"


def _since(stamp: str, came: int) -> float:
    return (came - int(stamp, 16)) / 1e9


def _nothing(_: object) -> None:
    return None
