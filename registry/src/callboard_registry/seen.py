"""What the observer writes down of each thing it looks at, and the registry reads."""

from pydantic import AwareDatetime, BaseModel, ConfigDict

from callboard_registry_api.health import DriftKind


class Seen(BaseModel):
    """What was seen of one thing."""

    model_config = ConfigDict(frozen=True)


class SeenJob(Seen):
    """How the last round of one of the observer's own jobs went."""

    process: str
    """`<process id>@<host>`"""

    every_seconds: float
    succeeded: AwareDatetime | None
    """When a round last ended well. None: not since the observer started."""

    error: str
    """Why the last one did not; empty when it did."""


class SeenDrift(Seen):
    """In what an endpoint is not as it should be."""

    kind: DriftKind
    words: str


class SeenEndpoint(Seen):
    """A Nexus endpoint: where it leads, where it should, and for whom. Empty: it is not there, or nothing says."""

    namespace: str
    task_queue: str
    wanted_namespace: str
    wanted_task_queue: str
    services: tuple[str, ...]
    drift: tuple[SeenDrift, ...]


class SeenPoller(Seen):
    """Somebody who asks a task queue for work."""

    identity: str
    last: AwareDatetime
    """When it last asked. One that waits for work asks again after a minute."""


class SeenTasks(Seen):
    """One kind of tasks of a task queue."""

    pollers: tuple[SeenPoller, ...] = ()
    backlog: int = 0
    """Tasks that wait, about."""

    oldest_seconds: float = 0
    """How long the oldest of them has waited."""

    congested: bool = False
    """Whether that is longer than the observer was told is bearable."""


class SeenQueue(Seen):
    """A task queue of a namespace."""

    workflow: SeenTasks = SeenTasks()
    activity: SeenTasks = SeenTasks()
    nexus: SeenTasks = SeenTasks()
    error: str = ""
    """Why it could not be looked at."""


def queue_subject(namespace: str, task_queue: str) -> str:
    """Return under which name notes about a task queue are kept."""
    return f"{namespace}/{task_queue}"
