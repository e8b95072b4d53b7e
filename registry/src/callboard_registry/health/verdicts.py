"""The verdict about a service: from its listing, its workers, its endpoint and its task queue. Pure; knows no database.

What speaks for a worker is its own heartbeat, or that Temporal heard of it later. What speaks against it is that both
are silent. An endpoint or a queue that was not looked at yet speaks neither way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from callboard_registry.life import ANSWERING
from callboard_registry.observations import Note
from callboard_registry.seen import SeenEndpoint, SeenQueue, queue_subject
from callboard_registry_api.health import ServiceHealth, Verdict, Worker
from callboard_registry_api.model import State

LONGEST_PAUSE: Final = timedelta(seconds=90)
"""How long a worker that waits for work may not ask Temporal for any; it asks once a minute."""

SETTLING: Final = timedelta(seconds=15)
"""How long after its start a worker need not have been seen by Temporal."""

_RECONCILE: Final = "run `callboard endpoints reconcile --apply`"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """What of a listing bears on the verdict."""

    digest: str
    number: int
    state: State
    sunset: datetime | None = None
    successor: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that the verdict about one service rests on."""

    now: datetime
    service: str
    team: str
    revisions: Sequence[Revision]
    workers: Sequence[Worker]
    """Of the team, also those that are gone."""

    endpoint_name: str = ""
    endpoint: Note[SeenEndpoint] | None = None
    """None: not looked at yet."""

    queues: Mapping[str, Note[SeenQueue]]
    """By their subject; those that were not looked at yet are missing."""

    longest_age: timedelta | None
    """How old what the observer saw may be before it is away; None when there never was an observer."""

    trouble: str = ""
    """Why it cannot look."""

    listening_since: datetime
    """Since when heartbeats could have been heard."""


@dataclass
class _Findings:
    """What speaks against a service: `fatal` when no call is answered."""

    fatal: list[str]
    amiss: list[str]
    remarks: list[str]


def verdict_about(facts: Facts) -> ServiceHealth:
    """Return whether calls of a service are answered, and if not, why and what to do."""
    findings = _Findings([], [], [])
    serving = [
        worker
        for worker in facts.workers
        if worker.state == "alive" and any(each.service == facts.service for each in worker.serves)
    ]
    answering = [each for each in facts.revisions if each.state in ANSWERING]
    if not answering:
        findings.fatal.append(_gone(facts))
    else:
        _look_at_endpoint(facts, findings)
        if serving:
            _look_at_revisions(facts, serving, findings)
            _look_at_polling(facts, serving, findings)
        else:
            _look_for_workers(facts, findings)
        _look_at_backlog(facts, findings)
    if facts.trouble:
        findings.remarks.append(f"the observer cannot look: {facts.trouble}")
    looked = [note.at for note in (facts.endpoint, _target_queue(facts)) if note is not None]
    verdict: Verdict = "not served" if findings.fatal else "degraded" if findings.amiss else "serving"
    return ServiceHealth(
        service=facts.service,
        team=facts.team,
        verdict=verdict,
        reasons=(*findings.fatal, *findings.amiss),
        remarks=tuple(findings.remarks),
        as_of=min(looked, default=None),
        stale=facts.longest_age is None or not looked or facts.now - min(looked) > facts.longest_age,
        workers=len(serving),
        builds=tuple(sorted({worker.build for worker in serving})),
    )


def _gone(facts: Facts) -> str:
    newest = max(facts.revisions, key=lambda each: each.number)
    instead = f"; call {newest.successor} instead" if newest.successor else ""
    return f"it was {newest.state}{instead}"


def _look_at_endpoint(facts: Facts, findings: _Findings) -> None:
    if facts.endpoint is None:
        return
    seen = facts.endpoint.seen
    if not seen.namespace:
        findings.fatal.append(f"Nexus endpoint {facts.endpoint_name!r} does not exist: {_RECONCILE}")
    elif (seen.namespace, seen.task_queue) != (seen.wanted_namespace, seen.wanted_task_queue):
        findings.amiss.append(
            f"endpoint {facts.endpoint_name!r} leads to {queue_subject(seen.namespace, seen.task_queue)} instead of "
            f"{queue_subject(seen.wanted_namespace, seen.wanted_task_queue)}: {_RECONCILE}"
        )


def _look_at_revisions(facts: Facts, serving: Iterable[Worker], findings: _Findings) -> None:
    held = {each.digest: each for each in facts.revisions}
    relied_on = any(each.state in ("approved", "deprecated") for each in facts.revisions)
    served: dict[str, set[str]] = {}
    for worker in serving:
        for each in worker.serves:
            if each.service == facts.service:
                served.setdefault(each.digest, set()).add(worker.build)
    refused: list[str] = []
    for digest, builds in sorted(served.items()):
        who = f"build {', '.join(sorted(builds))}"
        revision = held.get(digest)
        if revision is None:
            findings.amiss.append(f"{who} serves {digest[:19]}, which the registry does not hold: publish it")
        elif revision.state not in ANSWERING:
            refused.append(
                f"{who} serves revision {revision.number}, which was {revision.state}, and refuses its calls"
            )
        elif revision.state == "deprecated":
            until = f" and answers until {revision.sunset:%Y-%m-%d}" if revision.sunset else ""
            instead = f"; move its callers to {revision.successor}" if revision.successor else "; deploy a newer one"
            findings.amiss.append(f"{who} serves revision {revision.number}, which is deprecated{until}{instead}")
        elif revision.state != "approved":
            words = f"{who} serves revision {revision.number}, a draft that nobody has approved"
            if relied_on:
                findings.amiss.append(f"{words}: run `callboard catalog approve {facts.service}`")
            else:
                findings.remarks.append(words)
    words = [f"{each}: deploy a build with a revision that answers" for each in refused]
    (findings.amiss if len(refused) < len(served) else findings.fatal).extend(words)


def _look_at_polling(facts: Facts, serving: Sequence[Worker], findings: _Findings) -> None:
    idle: list[tuple[Worker, timedelta | None]] = []
    for worker in serving:
        if facts.now - max(worker.seen, facts.listening_since) > 3 * worker.every:
            findings.amiss.append(
                f"worker {worker.identity} works, but was last heard of {_ago(facts.now - worker.seen)}: see its log"
            )
        note = facts.queues.get(queue_subject(worker.namespace, worker.task_queue))
        if note is None or note.seen.error or note.at < worker.started + SETTLING:
            continue
        asked = [each.last for each in note.seen.nexus.pollers if each.identity == worker.identity]
        pause = note.at - max(asked) if asked else None
        if pause is None or pause > LONGEST_PAUSE:
            idle.append((worker, pause))
    if not idle:
        return
    if len(idle) == len(serving):
        pauses = [pause for _, pause in idle if pause is not None]
        since = f" for {_span(min(pauses))}" if pauses else ""
        findings.fatal.append(f"no worker has asked Temporal for calls{since}: look at their logs, or restart them")
        return
    for worker, pause in idle:
        since = f" for {_span(pause)}" if pause is not None else ""
        findings.amiss.append(f"worker {worker.identity} has not asked Temporal for calls{since}: restart it")


def _look_for_workers(facts: Facts, findings: _Findings) -> None:
    note = _target_queue(facts)
    known = {worker.identity for worker in facts.workers}
    strangers = (
        []
        if note is None
        else [
            each.identity
            for each in note.seen.nexus.pollers
            if note.at - each.last <= LONGEST_PAUSE and each.identity not in known
        ]
    )
    others = [worker for worker in facts.workers if worker.state == "alive"]
    last = [worker for worker in facts.workers if any(each.service == facts.service for each in worker.serves)]
    if strangers:
        findings.amiss.append(
            f"{strangers[0]} asks for calls, but no worker says that it serves {facts.service}: "
            "see in its log why its heartbeats do not arrive"
        )
    elif others:
        run = "runs" if len(others) == 1 else "run"
        findings.fatal.append(
            f"{_many(len(others), 'worker')} of {facts.team} {run}, but none serves it: deploy a build that does"
        )
    elif last:
        gone = max(last, key=lambda worker: worker.seen)
        how = "stopped" if gone.state == "stopped" else "was last heard of"
        ago = _ago(facts.now - gone.seen)
        findings.fatal.append(f"no worker runs: {gone.identity} (build {gone.build}) {how} {ago}; start one")
    else:
        findings.fatal.append("no worker has said within a day that it serves it: start one")


def _look_at_backlog(facts: Facts, findings: _Findings) -> None:
    note = _target_queue(facts)
    if note is None:
        return
    if note.seen.error:
        findings.amiss.append(f"its task queue cannot be looked at: {note.seen.error}")
    # Temporal remembers for minutes who asked it; those that are known to be gone ask no more.
    gone = {worker.identity for worker in facts.workers if worker.state != "alive"}
    for kind, tasks in (("workflow", note.seen.workflow), ("activity", note.seen.activity), ("Nexus", note.seen.nexus)):
        if tasks.congested:
            asking = [each for each in tasks.pollers if note.at - each.last <= LONGEST_PAUSE]
            pollers = sum(each.identity not in gone for each in asking)
            span = _span(timedelta(seconds=tasks.oldest_seconds))
            findings.amiss.append(
                f"{_many(tasks.backlog, f'{kind} task')} {'waits' if tasks.backlog == 1 else 'wait'}, "
                f"the oldest for {span}, with {_many(pollers, 'poller')}: "
                + ("scale up" if pollers else "start a worker")
            )


def _target_queue(facts: Facts) -> Note[SeenQueue] | None:
    if facts.endpoint is None or not facts.endpoint.seen.namespace:
        return None
    return facts.queues.get(queue_subject(facts.endpoint.seen.namespace, facts.endpoint.seen.task_queue))


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _ago(span: timedelta) -> str:
    return f"{_span(span)} ago"


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
