"""Call records are told off the call's path: bounded, in batches, and lost rather than waited for."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.exceptions import ConnectionError as RedisDown

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit import records
from callboard_kit.events import CallEnded, CallStarted, Event
from callboard_kit.records import Recorder, Used, outcome_of
from callboard_kit.tokens import Address, Call
from callboard_registry_api.errors import RegistryUnavailableError
from callboard_registry_api.model import CallRecord

CALL = Call(
    root="r",
    team="shop",
    caller="buyer",
    token_id="t:1",
    person="mia",
    address=Address("shop", "shop.v1", "look"),
    started=1.0,
)


class Ledger:
    """Keeps the batches it is given, or fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.batches: list[list[CallRecord]] = []
        self.fault = fault

    async def __call__(self, batch: Sequence[CallRecord]) -> None:
        if self.fault is not None:
            raise self.fault
        self.batches.append(list(batch))

    @property
    def all(self) -> list[CallRecord]:
        return [record for batch in self.batches for record in batch]


async def test_a_record_says_who_called_what_and_how_it_ended() -> None:
    ledger = Ledger()
    recorder = Recorder([ledger], build="b1")

    recorder.tell(replace(CALL, entity="e"), "ok", reason="rule", duration=0.5, revision="d", used=Used(1, 2, 0.25))
    await recorder.flush()

    assert ledger.all == [
        CallRecord(
            root="r",
            token_id="t:1",
            caller="buyer",
            person="mia",
            endpoint="shop",
            service="shop.v1",
            operation="look",
            entity="e",
            start=datetime.fromtimestamp(1, UTC),
            duration=timedelta(seconds=0.5),
            outcome="ok",
            reason="rule",
            revision="d",
            build="b1",
            input_tokens=1,
            output_tokens=2,
            cost_usd=0.25,
        )
    ]


async def test_a_root_and_a_recorder_without_sinks_tell_nothing() -> None:
    ledger = Ledger()
    recorder = Recorder([ledger])

    recorder.tell(Call(root="r", team="shop"), "ok")
    await recorder.flush()
    Recorder().tell(CALL, "ok")

    assert ledger.all == []


async def test_records_go_out_in_batches() -> None:
    ledger = Ledger()
    recorder = Recorder([ledger])
    for _ in range(records.BATCH + 1):
        recorder.tell(CALL, "started")

    await recorder.flush()

    assert [len(batch) for batch in ledger.batches] == [records.BATCH, 1]


async def test_a_queue_that_nobody_drains_drops_the_oldest_and_counts() -> None:
    ledger = Ledger()
    recorder = Recorder([ledger])
    for number in range(records.QUEUE_LENGTH + 5):
        recorder.tell(CALL, "started", reason=str(number))

    await recorder.flush()

    assert recorder.dropped == 5
    assert len(ledger.all) == records.QUEUE_LENGTH
    assert ledger.all[0].reason == "5"


@pytest.mark.parametrize(
    "fault",
    [RegistryUnavailableError("down"), RedisDown("down"), OSError("disk"), ValueError("surrogates"), TypeError()],
)
async def test_a_sink_that_fails_loses_its_batch_and_hurts_no_other(fault: Exception) -> None:
    broken, ledger = Ledger(fault), Ledger()
    recorder = Recorder([broken, ledger])
    recorder.tell(CALL, "started")

    await recorder.flush()
    broken.fault = None
    recorder.tell(CALL, "ok")
    await recorder.flush()

    assert recorder.dropped == 1
    assert [record.outcome for record in ledger.all] == ["started", "ok"]
    assert [record.outcome for record in broken.all] == ["ok"]


async def test_what_is_in_the_queue_when_the_process_ends_still_goes_out() -> None:
    ledger = Ledger()
    recorder = Recorder([ledger])
    task = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    recorder.tell(CALL, "ok")

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert [record.outcome for record in ledger.all] == ["ok"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(None, "ok"), (RefusedError(), "refused"), (UnavailableError(), "unavailable"), (MeshError(), "failed")],
)
def test_an_error_says_how_a_call_ended(error: MeshError | None, outcome: str) -> None:
    assert outcome_of(error) == outcome


@pytest.mark.parametrize(
    ("answer", "used"),
    [
        ({"usage": {"input_tokens": 3, "output_tokens": 4, "cost_usd": 0.5}}, Used(3, 4, 0.5)),
        ({"usage": {"input_tokens": 3, "cost_usd": None}}, Used(3, 0, None)),
        ({"usage": {"input_tokens": "many", "output_tokens": -1, "cost_usd": "lots"}}, Used()),
        ({"usage": "much"}, Used()),
        ({}, Used()),
        ([], Used()),
        (None, Used()),
    ],
)
def test_what_an_agent_used_is_read_from_its_answer_or_taken_as_nothing(answer: object, used: Used) -> None:
    assert Used.read_from(json.dumps(answer).encode()) == used


class Listener:
    """Stands where the writer of live events stands."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Event]] = []

    def tell(self, root: str, event: Event) -> None:
        self.told.append((root, event))


async def test_a_call_is_told_live_at_once_and_by_names_that_a_second_delivery_has_too() -> None:
    listener = Listener()
    recorder = Recorder(events=listener)
    recorder.tell(CALL, "started")
    recorder.tell(CALL, "refused", reason="no", duration=2.0)

    assert [(root, event.id, event.team, event.operation) for root, event in listener.told] == [
        ("r", "t:1:started", "shop", "look"),
        ("r", "t:1:ended", "shop", "look"),
    ]
    assert [event.detail for _, event in listener.told] == [
        CallStarted(call="t:1", caller="buyer", service="shop.v1"),
        CallEnded(call="t:1", caller="buyer", service="shop.v1", outcome="refused", reason="no", seconds=2.0),
    ]
