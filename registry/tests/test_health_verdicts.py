"""The verdict about a service says whether calls are answered, and if not, why and what to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from callboard_registry.health.verdicts import Facts, Revision, verdict_about
from callboard_registry.observations import Note
from callboard_registry.seen import SeenEndpoint, SeenPoller, SeenQueue, SeenTasks
from callboard_registry_api.health import ServedRevision, ServiceHealth, Worker

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DIGEST = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64
RECONCILE = "run `callboard endpoints reconcile --apply`"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


WORKER = Worker(
    team="shop",
    worker="w1",
    state="alive",
    namespace="shop",
    task_queue="shop",
    identity="7@here",
    build="b1",
    kit_version="1",
    sdk_version="1",
    serves=(ServedRevision("shop.v1", DIGEST),),
    started=ago(600),
    seen=ago(4),
    every=timedelta(seconds=10),
)
ENDPOINT = SeenEndpoint(
    namespace="shop",
    task_queue="shop",
    wanted_namespace="shop",
    wanted_task_queue="shop",
    services=("shop.v1",),
    drift=(),
)
QUEUE = SeenQueue(nexus=SeenTasks(pollers=(SeenPoller(identity="7@here", last=ago(50)),)))
APPROVED = Revision(digest=DIGEST, number=1, state="approved")
FACTS = Facts(
    now=NOW,
    service="shop.v1",
    team="shop",
    revisions=[APPROVED],
    workers=[WORKER],
    endpoint_name="shop",
    endpoint=Note(ago(3), ENDPOINT),
    queues={"shop/shop": Note(ago(2), QUEUE)},
    longest_age=timedelta(seconds=35),
    listening_since=ago(3600),
)


def with_queue(**kinds: SeenTasks) -> Facts:
    return replace(FACTS, queues={"shop/shop": Note(ago(2), QUEUE.model_copy(update=kinds))})


def with_endpoint(**changes: object) -> Facts:
    return replace(FACTS, endpoint=Note(ago(3), ENDPOINT.model_copy(update=changes)))


def test_what_a_live_worker_serves_through_the_right_endpoint_is_served() -> None:
    assert verdict_about(FACTS) == ServiceHealth(
        service="shop.v1", team="shop", verdict="serving", as_of=ago(3), workers=1, builds=("b1",)
    )


def test_builds_side_by_side_are_both_told() -> None:
    second = replace(WORKER, worker="w2", identity="8@here", build="b2", serves=(ServedRevision("shop.v1", OTHER),))
    pollers = tuple(SeenPoller(identity=each, last=ago(5)) for each in ("7@here", "8@here"))
    facts = replace(
        with_queue(nexus=SeenTasks(pollers=pollers)),
        workers=[WORKER, second],
        revisions=[APPROVED, Revision(digest=OTHER, number=2, state="approved")],
    )

    verdict = verdict_about(facts)

    assert (verdict.verdict, verdict.workers, verdict.builds) == ("serving", 2, ("b1", "b2"))


CASES = {
    "endpoint gone": (
        with_endpoint(namespace="", task_queue=""),
        "not served",
        f"Nexus endpoint 'shop' does not exist: {RECONCILE}",
    ),
    "endpoint elsewhere": (
        with_endpoint(namespace="bank"),
        "degraded",
        f"endpoint 'shop' leads to bank/shop instead of shop/shop: {RECONCILE}",
    ),
    "worker lost": (
        replace(FACTS, workers=[replace(WORKER, state="lost", seen=ago(42))]),
        "not served",
        "no worker runs: 7@here (build b1) was last heard of 42 s ago; start one",
    ),
    "worker stopped": (
        replace(FACTS, workers=[replace(WORKER, state="stopped", seen=ago(200))]),
        "not served",
        "no worker runs: 7@here (build b1) stopped 3 min ago; start one",
    ),
    "no worker ever": (
        replace(FACTS, workers=[], queues={}),
        "not served",
        "no worker has said within a day that it serves it: start one",
    ),
    "workers serve something else": (
        replace(FACTS, workers=[replace(WORKER, serves=(ServedRevision("shop.v2", DIGEST),))]),
        "not served",
        "1 worker of shop runs, but none serves it: deploy a build that does",
    ),
    "a stranger asks for calls": (
        replace(FACTS, workers=[]),
        "degraded",
        "7@here asks for calls, but no worker says that it serves shop.v1: "
        "see in its log why its heartbeats do not arrive",
    ),
    "no worker asks for calls": (
        with_queue(nexus=SeenTasks(pollers=(SeenPoller(identity="7@here", last=ago(402)),))),
        "not served",
        "no worker has asked Temporal for calls for 6 min: look at their logs, or restart them",
    ),
    "heartbeats do not arrive": (
        replace(FACTS, workers=[replace(WORKER, seen=ago(70))]),
        "degraded",
        "worker 7@here works, but was last heard of 70 s ago: see its log",
    ),
    "unknown revision": (
        replace(FACTS, workers=[replace(WORKER, serves=(ServedRevision("shop.v1", OTHER),))]),
        "degraded",
        "build b1 serves sha256:222222222222, which the registry does not hold: publish it",
    ),
    "deprecated": (
        replace(FACTS, revisions=[replace(APPROVED, state="deprecated", sunset=datetime(2027, 1, 1, tzinfo=UTC))]),
        "degraded",
        "build b1 serves revision 1, which is deprecated and answers until 2027-01-01; deploy a newer one",
    ),
    "deprecated for another service": (
        replace(FACTS, revisions=[replace(APPROVED, state="deprecated", successor="shop.v2")]),
        "degraded",
        "build b1 serves revision 1, which is deprecated; move its callers to shop.v2",
    ),
    "a draft beside what is relied on": (
        replace(
            FACTS,
            workers=[replace(WORKER, serves=(ServedRevision("shop.v1", OTHER),))],
            revisions=[APPROVED, Revision(digest=OTHER, number=2, state="draft")],
        ),
        "degraded",
        "build b1 serves revision 2, a draft that nobody has approved: run `callboard catalog approve shop.v1`",
    ),
    "revoked": (
        replace(FACTS, revisions=[replace(APPROVED, state="revoked", successor="shop.v2")]),
        "not served",
        "it was revoked; call shop.v2 instead",
    ),
    "only a revoked revision runs": (
        replace(FACTS, revisions=[replace(APPROVED, state="revoked"), replace(APPROVED, digest=OTHER, number=2)]),
        "not served",
        "build b1 serves revision 1, which was revoked, and refuses its calls: "
        "deploy a build with a revision that answers",
    ),
    "backlog": (
        with_queue(
            workflow=SeenTasks(
                pollers=(SeenPoller(identity="7@here", last=ago(5)),), backlog=120, oldest_seconds=301, congested=True
            )
        ),
        "degraded",
        "120 workflow tasks wait, the oldest for 5 min, with 1 poller: scale up",
    ),
    "backlog that nobody works on": (
        with_queue(activity=SeenTasks(backlog=1, oldest_seconds=90, congested=True)),
        "degraded",
        "1 activity task waits, the oldest for 90 s, with 0 pollers: start a worker",
    ),
    "no such queue": (
        replace(FACTS, queues={"shop/shop": Note(ago(2), SeenQueue(error="namespace shop is not found"))}),
        "degraded",
        "its task queue cannot be looked at: namespace shop is not found",
    ),
}


@pytest.mark.parametrize(("facts", "verdict", "reason"), CASES.values(), ids=CASES)
def test_what_is_amiss_is_said_with_what_to_do(facts: Facts, verdict: str, reason: str) -> None:
    found = verdict_about(facts)

    assert (found.verdict, found.reasons) == (verdict, (reason,))


def test_one_of_two_workers_that_hangs_degrades_and_is_named() -> None:
    second = replace(WORKER, worker="w2", identity="8@here")

    found = verdict_about(replace(FACTS, workers=[WORKER, second]))

    assert (found.verdict, found.reasons) == (
        "degraded",
        ("worker 8@here has not asked Temporal for calls: restart it",),
    )


def test_a_registry_that_has_just_come_back_does_not_complain_of_what_it_could_not_hear() -> None:
    silent = replace(WORKER, seen=ago(70))

    assert verdict_about(replace(FACTS, workers=[silent], listening_since=ago(20))).verdict == "serving"


def test_those_that_are_known_to_be_gone_are_not_counted_among_those_who_work_on_a_backlog() -> None:
    gone = replace(WORKER, worker="w0", identity="6@here", state="stopped")
    pollers = tuple(SeenPoller(identity=each, last=ago(5)) for each in ("6@here", "7@here"))
    tasks = SeenTasks(pollers=pollers, backlog=2, oldest_seconds=61, congested=True)

    [reason] = verdict_about(replace(with_queue(workflow=tasks), workers=[gone, WORKER])).reasons

    assert reason == "2 workflow tasks wait, the oldest for 61 s, with 1 poller: scale up"


def test_a_worker_that_has_just_started_need_not_have_been_seen_by_temporal() -> None:
    fresh = replace(WORKER, identity="9@here", started=ago(5))

    assert verdict_about(replace(FACTS, workers=[fresh])).verdict == "serving"


def test_a_draft_where_nothing_was_ever_approved_is_served_and_remarked_on() -> None:
    found = verdict_about(replace(FACTS, revisions=[replace(APPROVED, state="draft")]))

    assert (found.verdict, found.reasons) == ("serving", ())
    assert found.remarks == ("build b1 serves revision 1, a draft that nobody has approved",)


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, longest_age=None),
        replace(FACTS, endpoint=None),
        replace(FACTS, now=NOW + timedelta(seconds=60), workers=[replace(WORKER, seen=NOW + timedelta(seconds=60))]),
    ],
    ids=["no observer ever", "not looked at yet", "looked at long ago"],
)
def test_what_rests_on_an_old_look_is_stale(facts: Facts) -> None:
    found = verdict_about(facts)

    assert (found.verdict, found.stale) == ("serving", True)


def test_an_observer_that_cannot_look_says_why() -> None:
    found = verdict_about(replace(FACTS, trouble="RPCError: no operator"))

    assert found.remarks == ("the observer cannot look: RPCError: no operator",)
