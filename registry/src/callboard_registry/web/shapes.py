"""What each answer over HTTP holds, as the description of the API says it. A test holds answers to it."""

from typing import Literal, NotRequired

from pydantic import AwareDatetime
from typing_extensions import TypedDict

from callboard_registry_api.health import DriftKind, WorkerState
from callboard_registry_api.health import Verdict as HealthVerdict
from callboard_registry_api.model import ChangeKind, Outcome, State
from callboard_registry_api.verdicts import Answer, Level

Json = dict[str, object]
"""A document of somebody else's form."""


class Page(TypedDict):
    """Some of what there is; `next_page_token` is empty on the last page."""

    next_page_token: str


class Finding(TypedDict):
    """One thing that would break somebody, or might; the document shows it where there is one."""

    part: str
    rule: str
    sentence: str
    operation: str
    pointer: str
    place: str
    base: str
    counterexample: NotRequired[object]


class Fault(TypedDict):
    """Why a request was not granted: what kind of refusal, the part of the request at fault, and what to change.

    With what a revision would break, where that is why.
    """

    code: str
    field: str
    message: str
    findings: NotRequired[list[Finding]]


class Refused(TypedDict):
    """An answer that is a refusal."""

    error: Fault


class Override(TypedDict):
    """Who approved in spite of it, and why."""

    author: str
    reason: str
    at: AwareDatetime


class AffectedTeam(TypedDict):
    """A team that a change concerns: it says that it calls what is changed, or was seen to."""

    team: str
    operations: list[str]
    declared: bool
    calls: int
    last: AwareDatetime | None


class Verdict(TypedDict):
    """What would become of callers if one revision took the place of others."""

    answer: Answer
    bases: list[str]
    level: Level
    strict: bool
    findings: list[Finding]
    warnings: list[Finding]
    revision: str
    next_service: str
    judged: AwareDatetime
    override: Override | None
    affected: list[AffectedTeam]


class Listing(TypedDict):
    """One revision of a service; in a list without its document unless asked for."""

    service: str
    digest: str
    number: int
    team: str
    state: State
    created: AwareDatetime
    summary: str
    operations: list[str]
    etag: str
    sunset: AwareDatetime | None
    successor: str
    reason: str
    revision: str
    verdict: Verdict | None
    document: NotRequired[Json]


class Listings(Page):
    """Listings, ordered by service."""

    listings: list[Listing]


class FoundOperation(TypedDict):
    """One operation of a revision, in short."""

    service: str
    digest: str
    state: State
    team: str
    operation: str
    summary: str
    kind: str
    effect: str
    successor: str


class FoundOperations(Page):
    """Operations, the best first."""

    operations: list[FoundOperation]


class Discovered(FoundOperations):
    """What a team may call: a page of it, how much there is, and of which services."""

    total: int
    total_services: int
    services: list[str]
    as_of: str


class DescribedOperation(TypedDict):
    """One operation with its schemas and its promise."""

    service: str
    digest: str
    state: State
    team: str
    endpoint: str
    operation: str
    document: Json
    successor: str


class HeldPolicy(TypedDict):
    """Who may call what a team serves."""

    team: str
    version: int
    digest: str
    created: AwareDatetime
    document: Json


class PublishedPolicy(HeldPolicy):
    """A policy as it was published, and what it takes from callers that they had before."""

    warnings: list[Finding]


class Policies(Page):
    """Policies in force, ordered by team."""

    policies: list[HeldPolicy]


class Jwk(TypedDict):
    """An Ed25519 public key as RFC 8037 writes it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    kid: str
    x: str


class Key(TypedDict):
    """A team's public key."""

    team: str
    key_id: str
    created: AwareDatetime
    expires: AwareDatetime | None
    jwk: Jwk


class Keys(Page):
    """Public keys, ordered by team."""

    keys: list[Key]


class Usage(TypedDict):
    """What models were given and gave."""

    input_tokens: int
    output_tokens: int


class Call(TypedDict):
    """What happened to one call, as one side saw it."""

    root: str
    token_id: str
    caller: str
    person: str
    endpoint: str
    service: str
    operation: str
    revision: str
    build: str
    entity: str
    start: AwareDatetime
    duration_seconds: float | None
    outcome: Outcome
    reason: str
    usage: Usage
    cost_usd: float | None
    reporter: str
    derived: bool


class Calls(TypedDict):
    """Call records; `cursor` passed as `after` gets what comes behind them."""

    calls: list[Call]
    cursor: str


class Total(TypedDict):
    """A row of sums; what it was not asked to tell apart is empty."""

    day: str | None
    caller: str
    service: str
    operation: str
    revision: str
    outcome: Outcome | Literal[""] | None
    calls: int
    errors: int
    duration_seconds: float | None
    p50_seconds: float | None
    p95_seconds: float | None
    usage: Usage
    cost_usd: float | None
    last: AwareDatetime


class Totals(Page):
    """Rows of sums."""

    totals: list[Total]


class Consumer(TypedDict):
    """Who says to call a service, or was seen to."""

    team: str
    declared: bool
    seen: bool
    operation: str
    revision: str
    calls: int
    errors: int
    error_rate: float | None
    last: AwareDatetime | None


class Consumers(TypedDict):
    """Consumers of a service."""

    consumers: list[Consumer]


class AuditPosition(TypedDict):
    """How far the audit has read one namespace."""

    namespace: str
    team: str
    read_until: AwareDatetime | None
    looked: AwareDatetime
    problem: str
    open: int


class AuditPositions(TypedDict):
    """How far the audit has read each namespace."""

    positions: list[AuditPosition]


class ServiceHealth(TypedDict):
    """Whether a service is served, and if not, why."""

    service: str
    team: str
    verdict: HealthVerdict
    reasons: list[str]
    remarks: list[str]
    as_of: AwareDatetime | None
    stale: bool
    workers: int
    builds: list[str]


class Health(Page):
    """Of every service whether it is served."""

    health: list[ServiceHealth]


class ServedRevision(TypedDict):
    """A revision that a worker serves."""

    service: str
    digest: str


class Worker(TypedDict):
    """A worker that was heard of."""

    team: str
    worker: str
    state: WorkerState
    namespace: str
    task_queue: str
    identity: str
    build: str
    kit_version: str
    sdk_version: str
    serves: list[ServedRevision]
    started: AwareDatetime
    seen: AwareDatetime
    polled: AwareDatetime | None
    every_seconds: float


class Workers(Page):
    """Workers, ordered by team."""

    workers: list[Worker]


class Team(TypedDict):
    """Who answers for a team, and what it does."""

    team: str
    owner: str
    contact: str
    description: str


class Teams(Page):
    """Teams, ordered by name."""

    teams: list[Team]


class Drift(TypedDict):
    """How an endpoint is otherwise than the registry would have it."""

    kind: DriftKind
    words: str


class Endpoint(TypedDict):
    """A Nexus endpoint as it was seen last."""

    name: str
    namespace: str
    task_queue: str
    wanted_namespace: str
    wanted_task_queue: str
    services: list[str]
    drift: list[Drift]
    as_of: AwareDatetime


class Endpoints(Page):
    """Nexus endpoints, ordered by name."""

    endpoints: list[Endpoint]


class Poller(TypedDict):
    """Somebody who asks a task queue for work, and when it last did."""

    identity: str
    last: AwareDatetime


class Tasks(TypedDict):
    """One kind of tasks of a task queue: who asks for them, and what waits."""

    kind: Literal["nexus", "workflow", "activity"]
    pollers: list[Poller]
    backlog: int
    oldest_seconds: float
    congested: bool


class Queue(TypedDict):
    """A task queue as it was seen last."""

    namespace: str
    task_queue: str
    tasks: list[Tasks]
    error: str
    as_of: AwareDatetime


class Queues(Page):
    """Task queues that calls lead to or workers work on, ordered by name."""

    queues: list[Queue]


class Job(TypedDict):
    """One of the observer's jobs, and how it went the last time."""

    name: str
    process: str
    every_seconds: float
    ended: AwareDatetime
    succeeded: AwareDatetime | None
    error: str
    overdue: bool


class Jobs(TypedDict):
    """The observer's jobs."""

    jobs: list[Job]


class Change(TypedDict):
    """One thing that happened; `cursor` passed as `after` goes on behind it."""

    kind: ChangeKind
    at: AwareDatetime
    team: str
    subject: str
    detail: str
    state: State | None
    author: str
    reason: str
    cursor: str


class Changes(TypedDict):
    """What happened, in order; `cursor` passed as `after` gets what happens next."""

    changes: list[Change]
    cursor: str


class Status(TypedDict):
    """That the registry and its database answer."""

    status: Literal["serving"]
