"""A client of the gateway that follows a run, as a browser does, and notes all that it hears."""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx

from callboard_kit.client import load_key
from callboard_kit.persons import Person, issue_token
from tests.playing.stage import Stage

_BETWEEN_TRIES: Final = 0.2


@dataclass
class Heard:
    """What a client of the gateway has heard of a run."""

    events: list[dict[str, Any]] = field(default_factory=list)
    """Any: JSON as it came."""

    last_id: str | None = None
    connections: int = 0

    @property
    def kinds(self) -> Counter[str]:
        """How often each kind was heard."""
        return Counter(event["kind"] for event in self.events)

    def text(self) -> str:
        """Return what stands of what the model wrote, as a client that follows the rules puts it together."""
        steps: dict[str, list[tuple[int, str]]] = {}
        for event in self.events:
            data = event["data"]
            if event["kind"] == "text.delta":
                steps.setdefault(data["step"], []).append((data["attempt"], data["text"]))
            if event["kind"] == "step.retracted":
                steps[data["step"]] = [each for each in steps.get(data["step"], []) if each[0] > data["attempt"]]
        return "".join(text for pieces in steps.values() for _, text in pieces)

    def doubled(self) -> Sequence[str]:
        """Return the ids that came more than once."""
        return [each for each, times in Counter(event["id"] for event in self.events).items() if times > 1]

    def missing(self) -> Sequence[str]:
        """Return the ids that did not come, though later ones of the same teller did: whoever tells counts."""
        told: dict[str, set[int]] = {}
        for event in self.events:
            name, _, number = event["id"].rpartition(":")
            if number.isdigit() and ":retracted" not in event["id"]:
                told.setdefault(name, set()).add(int(number))
        lost = (f"{name}:{number}" for name, has in told.items() for number in range(1, max(has)) if number not in has)
        # An attempt begins by taking back the one before it, and that has a name of its own instead of its number.
        taken_back = {
            (event["data"]["step"], event["data"]["attempt"] + 1)
            for event in self.events
            if event["kind"] == "step.retracted"
        }
        again = {
            f"{event['id'].rpartition(':')[0]}:1"
            for event in self.events
            if event["kind"] == "text.delta" and (event["data"]["step"], event["data"]["attempt"]) in taken_back
        }
        return [each for each in lost if each not in again]


@asynccontextmanager
async def gateway_client(stage: Stage, *scopes: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give somebody, new each time, a client of the gateway; they may start runs, unless told otherwise."""
    person = Person(name=f"ada-{uuid.uuid4().hex[:6]}", scopes=scopes or ("runs",))
    token = issue_token(load_key("inbox", stage.settings), person, now=time.time(), lifetime=timedelta(hours=1))
    [part] = [part for part in stage.parts if part.name == "gateway"]
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://{part.address}", headers=headers, timeout=60) as client:
        yield client


async def follow(
    gateway: httpx.AsyncClient, run_id: str, heard: Heard, told: Callable[[Heard], object] = lambda _: None
) -> None:
    """Follow a run to its end: when the connection breaks, or nobody can answer, go on after the last id."""
    while not heard.kinds["run.ended"]:
        headers = {} if heard.last_id is None else {"last-event-id": heard.last_id}
        try:
            async with gateway.stream("GET", f"/v1/runs/{run_id}/events", headers=headers) as response:
                if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    response.raise_for_status()
                    heard.connections += 1
                    await _read(response, heard, told)
        except httpx.TransportError:
            pass
        await asyncio.sleep(0 if heard.kinds["run.ended"] else _BETWEEN_TRIES)


async def _read(response: httpx.Response, heard: Heard, told: Callable[[Heard], object]) -> None:
    frame: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            frame[name] = value
        elif "data" in frame:
            # Only whole frames count: what a broken connection cuts off comes again.
            heard.last_id = frame.get("id", heard.last_id)
            heard.events.append(json.loads(frame["data"]))
            told(heard)
            frame = {}
