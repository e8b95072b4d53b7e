"""Whether those who wait for one entity are served in the order in which they came, by the lock's own history.

The history of a lock holds everything: who asked for it, in which order, who was given it and who gave it back.
Somebody holds it until all wait, so that none gets past the queue because there is none yet.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.place import Place
from bench.processes import BenchError
from bench.ratios import Estimate
from bench.results import Bar, Line
from bench.side import PATIENCE, Side
from callboard_kit.entities.naming import Entity, lock_id
from callboard_kit.entities.viewing import lock_of

WAITERS: Final = 50
NONE_OUT_OF_TURN: Final = Bar(0, unit="out of turn")
_ONE: Final = Estimate(1, 1, 1)


@dataclass(frozen=True)
class Record:
    """What a lock's history says: holders in the order in which they asked, were given it, and gave it back."""

    asked: Sequence[str]
    given: Sequence[str]
    given_back: Sequence[str]

    @property
    def out_of_turn(self) -> int:
        """Return how many were not served when it was their turn."""
        turns = zip(self.asked, (self.asked[0], *self.given), self.given_back, strict=False)
        served = sum(asked == given == back for asked, given, back in turns)
        return max(len(self.asked), len(self.given_back)) - served


async def measure(side: Side, where: Place, *, team: str, parcel: int) -> Line:
    """Have fifty wait for one parcel of `team`, and hold the order of their turns against the lock's history."""
    client = await Client.connect(where.address, namespace=team, data_converter=pydantic_data_converter)
    entity = Entity("parcel_id", f"#P{parcel:07}")

    async def until(waiting: int) -> str:
        while True:
            state = await lock_of(client, team, entity.kind, entity.key)
            if state.holding and len(state.waiting) == waiting:
                return state.holding[0].claim.workflow_id
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group, asyncio.timeout(PATIENCE.total_seconds()):
        group.create_task(side.in_line(parcel, hold=True))
        # Only then the others: whoever comes first is not known.
        holder = await until(waiting=0)
        waiters = [group.create_task(side.in_line(parcel, hold=False)) for _ in range(WAITERS)]
        await until(waiting=WAITERS)
        began = time.perf_counter()
        await client.get_workflow_handle(holder).signal("go_on")
        await asyncio.wait(waiters)
        seconds = time.perf_counter() - began
    history = await client.get_workflow_handle(lock_id(team, entity.name)).fetch_history()
    record = read(history.events)
    if len(record.asked) != WAITERS + 1:
        raise BenchError(f"the lock's history has {len(record.asked)} who asked, not {WAITERS + 1}")
    return Line(
        part="locks",
        settings="tuned",
        what=f"{WAITERS} waiters on one entity, {seconds / WAITERS * 1e3:.0f} ms each",
        side="not served in the order of the lock's history:",
        against="of",
        unit="out of turn",
        value=record.out_of_turn,
        value_against=len(record.asked),
        ratio=_ONE,
        noise=_ONE,
        rounds=1,
        bar=NONE_OUT_OF_TURN,
    )


def read(events: Iterable[HistoryEvent]) -> Record:
    """Return what a lock's history says of its holders; who asked again is counted once."""
    asked: dict[str, None] = {}
    given: list[str] = []
    given_back: list[str] = []
    for event in events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                request = event.workflow_execution_update_accepted_event_attributes.accepted_request.input
                if request.name == "take":
                    asked.setdefault(json.loads(request.args.payloads[0].data)["holder"])
            case EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
                grant = event.signal_external_workflow_execution_initiated_event_attributes.input.payloads[0]
                given.append(json.loads(grant.data)["holder"])
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                back = event.workflow_execution_signaled_event_attributes
                if back.signal_name == "release":
                    given_back.append(json.loads(back.input.payloads[0].data))
            case _:
                pass
    return Record(tuple(asked), given, given_back)
