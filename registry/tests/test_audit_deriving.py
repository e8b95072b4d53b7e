"""What one history says, and what it cannot make anybody believe."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure, TimeoutFailureInfo
from temporalio.api.history.v1 import HistoryEvent

from callboard_kit.caller import CALL_HEADER, call_payload
from callboard_kit.identity import SigningKey, digest
from callboard_kit.settings import Settings
from callboard_kit.tokens import Address, Call, sign_call
from callboard_registry.audit.deriving import Derived, derive_answered, derive_asked
from callboard_registry.audit.knowledge import Knowledge
from callboard_registry.audit.looking import Turns
from callboard_registry.audit.operations import RESETTER, Asked, asked_in
from callboard_registry.audit.reading import Pace, Run
from callboard_registry.audit.tidying import tidied
from callboard_registry.calls import Calls
from callboard_registry.database import Database
from callboard_registry.keyring import Keyring
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.model import CallRecord

BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)
CALL = Call(
    root="tree",
    team="desk",
    caller="buyer",
    token_id="run:1",
    address=Address("desk", "desk.v1", "work"),
    rule="whoever-asks",
    started=BEGAN.timestamp(),
    revision="sha256:0",
    build="b1",
)


@pytest.fixture
def knowledge(any_database: Callable[[], str]) -> Iterator[Knowledge]:
    database = Database.open(any_database.migrated())
    yield Knowledge(database, Settings())
    database.close()


def event(number: int, *, after: float = 0, **attributes: object) -> HistoryEvent:
    at = Timestamp()
    at.FromDatetime(BEGAN + timedelta(seconds=after))
    made = HistoryEvent(event_id=number, event_time=at)
    for name, fields in attributes.items():
        target = getattr(made, f"{name}_event_attributes")
        target.SetInParent()
        for field, value in dict(fields).items():
            if hasattr(value, "DESCRIPTOR"):
                getattr(target, field).CopyFrom(value)
            else:
                setattr(target, field, value)
    return made


def started(call: Call = CALL) -> HistoryEvent:
    made = event(1, workflow_execution_started={})
    made.workflow_execution_started_event_attributes.header.fields[CALL_HEADER].CopyFrom(call_payload(call))
    return made


def told(found: list[Derived]) -> list[tuple[str, str, str]]:
    return [(side, record.outcome, record.reason) for side, record in found]


def application(kind: str, message: str) -> Failure:
    return Failure(message=message, application_failure_info=ApplicationFailureInfo(type=kind))


@pytest.mark.parametrize(
    ("end", "outcome", "reason"),
    [
        ({"workflow_execution_completed": {}}, "ok", "whoever-asks"),
        ({"workflow_execution_failed": {"failure": application("RefusedError", "no")}}, "refused", "no"),
        ({"workflow_execution_failed": {"failure": application("UnavailableError", "later")}}, "unavailable", "later"),
        ({"workflow_execution_failed": {"failure": application("MeshError", "broken")}}, "failed", "broken"),
        (
            {"workflow_execution_failed": {"failure": application("KeyError", "a secret")}},
            "failed",
            "it failed for a reason of its own",
        ),
        ({"workflow_execution_timed_out": {}}, "unavailable", "its workflow ran out of time"),
        ({"workflow_execution_canceled": {}}, "cancelled", "it was cancelled"),
        (
            {"workflow_execution_terminated": {"reason": "by hand"}},
            "failed",
            "its workflow was terminated: by hand",
        ),
    ],
    ids=["completed", "refused", "unavailable", "failed", "outside the vocabulary", "timed out", "cancelled", "ended"],
)
def test_how_a_run_ended_is_how_its_call_ended(
    knowledge: Knowledge, end: dict[str, object], outcome: str, reason: str
) -> None:
    found = derive_answered([started(), event(9, after=2, **end)], team="desk", knowledge=knowledge)

    assert told(found) == [("desk", "started", "whoever-asks"), ("desk", outcome, reason)]
    assert [record.duration for _, record in found] == [None, timedelta(seconds=2)]
    assert {(record.revision, record.build, record.start) for _, record in found} == {("sha256:0", "b1", BEGAN)}


@pytest.mark.parametrize(
    "end",
    [
        {"workflow_execution_continued_as_new": {}},
        {"workflow_execution_failed": {"failure": application("MeshError", "x"), "new_execution_run_id": "next"}},
        {"workflow_execution_timed_out": {"new_execution_run_id": "next"}},
        {"workflow_execution_completed": {"new_execution_run_id": "next"}},
        {"workflow_execution_terminated": {"reason": "again", "identity": RESETTER}},
    ],
    ids=["continued as new", "tried again", "tried again in time", "begun again by a clock", "reset"],
)
def test_a_run_that_another_goes_on_with_is_no_end(knowledge: Knowledge, end: dict[str, object]) -> None:
    found = derive_answered([started(), event(9, **end)], team="desk", knowledge=knowledge)

    assert told(found) == [("desk", "started", "whoever-asks")]


def test_a_team_tells_of_no_other_team_s_calls(knowledge: Knowledge) -> None:
    events = [started(), event(9, workflow_execution_completed={})]

    assert derive_answered(events, team="broker", knowledge=knowledge) == []


@pytest.mark.parametrize("header", [b"", b"no json", b"[]", b"{}", b'{"limits": 1}'])
def test_a_header_that_is_none_of_the_mesh_s_says_nothing(knowledge: Knowledge, header: bytes) -> None:
    made = event(1, workflow_execution_started={})
    made.workflow_execution_started_event_attributes.header.fields[CALL_HEADER].CopyFrom(Payload(data=header))

    assert derive_answered([made], team="desk", knowledge=knowledge) == []


@pytest.mark.parametrize(
    "what",
    [{"root": 5}, {"token_id": ""}, {"rule": None}, {"started": "now"}, {"address": Address("desk", "desk.v1", 7)}],
    ids=["root", "token", "rule", "start", "operation"],
)
def test_a_header_with_nonsense_in_it_says_nothing(knowledge: Knowledge, what: dict[str, object]) -> None:
    assert derive_answered([started(replace(CALL, **what))], team="desk", knowledge=knowledge) == []


@pytest.mark.parametrize("began", [1e300, -1e300, float("nan")])
def test_a_moment_that_cannot_be_is_not_believed(knowledge: Knowledge, began: float) -> None:
    [(_, record)] = derive_answered([started(replace(CALL, started=began))], team="desk", knowledge=knowledge)

    assert record.start == BEGAN


def test_whatever_stands_in_a_history_can_be_kept(any_database: Callable[[], str]) -> None:
    wild = CallRecord(
        root="a\x00b",
        token_id="t",
        caller="\ud800",
        endpoint="desk",
        service="desk.v1",
        operation="x" * 5000,
        start=BEGAN,
        outcome="ok",
        input_tokens=2**70,
        output_tokens=-1,
    )
    database = Database.open(any_database.migrated())

    assert Calls(database).derive([("desk", tidied(wild))]) == 1
    [kept], _ = Calls(database).page(CallFilter(), after=0, limit=10)
    database.close()
    assert (kept.root, kept.caller, len(kept.operation)) == ("a\N{REPLACEMENT CHARACTER}b", "?", 1000)


def test_what_a_run_leaves_open_is_abandoned_unless_another_goes_on_with_it() -> None:
    scheduled = event(5, nexus_operation_scheduled={"endpoint": "desk", "service": "desk.v1", "operation": "look"})
    for end, ending in (
        (event(9, workflow_execution_completed={}), "abandoned"),
        (event(9, workflow_execution_terminated={"identity": RESETTER}), None),
        (event(9, nexus_operation_timed_out={"scheduled_event_id": 5, "failure": timeout()}), "timed out"),
    ):
        assert asked_in([scheduled, end], run_id="r")[5].ending == ending


def test_an_end_whose_beginning_was_read_before_says_nothing_new() -> None:
    assert asked_in([event(9, nexus_operation_completed={"scheduled_event_id": 5})], run_id="r") == {}


def timeout() -> Failure:
    return Failure(timeout_failure_info=TimeoutFailureInfo())


def test_every_run_under_way_gets_its_turn() -> None:
    runs = {name: Run("w", name, None) for name in "abcde"}
    turns = Turns()

    taken = ["".join(sorted(run.run_id for run in turns.take(runs, 2))) for _ in range(3)]

    assert len(set("".join(taken))) == 5


async def test_requests_keep_their_pace() -> None:
    import time

    pace, began = Pace(200), time.monotonic()
    for _ in range(21):
        await pace.step()

    assert time.monotonic() - began >= 0.1


def sent(key: SigningKey, **what: object) -> Asked:
    """A call of the desk that was answered at once, with the headers that `key` signs."""
    data = b'{"text":"tea"}'
    headers = sign_call(
        key,
        parent=Call(root="tree", team=key.team, person="mia"),
        to=Address("desk", "desk.v1", "look"),
        input_digest=digest(data),
        token_id="run:1",
        now=BEGAN.timestamp(),
        expires=BEGAN.timestamp() + 60,
    )
    return replace(
        Asked(
            place="run/5",
            endpoint="desk",
            service="desk.v1",
            operation="look",
            headers=headers,
            input=Payload(metadata={"encoding": b"json/plain"}, data=data),
            scheduled=BEGAN,
            ended=BEGAN + timedelta(seconds=1),
            ending="completed",
        ),
        **what,
    )


class Keys:
    """A registry's keys, and what it knows with them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, *keys: SigningKey) -> Knowledge:
        for key in keys:
            Keyring(self._database).add(team=key.team, key_id=key.key_id, public_bytes=key.public_key.public_bytes)
        return Knowledge(self._database, Settings())

    def revoke(self, key: SigningKey) -> None:
        Keyring(self._database).revoke(key.team, key.key_id, author="administrator", reason="it leaked")


@pytest.fixture
def mesh_of(any_database: Callable[[], str]) -> Iterator[Keys]:
    database = Database.open(any_database.migrated())
    yield Keys(database)
    database.close()


def test_a_call_is_its_caller_s_by_the_token_that_it_was_sent_with(mesh_of: Keys) -> None:
    buyer = SigningKey.generate("buyer")

    found = derive_asked(sent(buyer), team="buyer", knowledge=mesh_of(buyer, SigningKey.generate("desk")))

    assert told(found) == [("desk", "started", ""), ("desk", "ok", "")]
    assert {(each.root, each.caller, each.person, each.token_id) for _, each in found} == {
        ("tree", "buyer", "mia", "run:1")
    }


def test_a_key_that_was_taken_back_still_tells_whose_call_it_was(mesh_of: Keys) -> None:
    buyer = SigningKey.generate("buyer")
    mesh_of(buyer)
    mesh_of.revoke(buyer)

    assert len(derive_asked(sent(buyer), team="buyer", knowledge=mesh_of())) == 2


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"headers": {}},
        {"input": Payload(metadata={"encoding": b"json/plain"}, data=b'{"text":"coffee"}')},
        {"operation": "work"},
        {"scheduled": BEGAN + timedelta(hours=1), "ended": BEGAN + timedelta(hours=2)},
    ],
    ids=["another's token", "no token", "another input", "another operation", "an old token"],
)
def test_a_namespace_puts_no_call_under_another_team_s_name(mesh_of: Keys, what: dict[str, object]) -> None:
    buyer = SigningKey.generate("buyer")
    # Only the first is about the namespace; the others would not hold in the buyer's own either.
    namespace = "buyer" if what else "thief"

    [(side, record)] = derive_asked(sent(buyer, **what), team=namespace, knowledge=mesh_of(buyer))

    assert (side, record.caller, record.root, record.person) == (namespace, namespace, "", "")
    assert record.token_id == "history:run/5"
