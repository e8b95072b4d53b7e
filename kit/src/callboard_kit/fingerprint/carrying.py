"""The workflow's side: what an agent's activities carry, so that whoever starts them can tell whether it is the same.

An activity carries little: the agent's name and the digest of all of it. What differs in detail is worked out where
both are known, when the two turn out not to be the same.
"""

import json
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, TypeVar

import temporalio.api.common.v1
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import (
    ContinueAsNewInput,
    StartActivityInput,
    StartChildWorkflowInput,
    WorkflowOutboundInterceptor,
)

from callboard_contracts import RefusedError
from callboard_kit.bound import bound
from callboard_kit.fingerprint.form import FingerprintError
from callboard_kit.fingerprint.taking import Fingerprint, Named, Surroundings, differing, fingerprint

AGENT_HEADER: Final = "callboard-agent"
"""The Temporal header that tells an activity which agent it works for."""

TERMS_HEADER: Final = "callboard-build-terms"
"""The Temporal header that tells a workflow on which builds its client wants it."""

DRIFT: Final = "ConfigurationDrift"
"""The type of the failure with which an activity ends that works for another agent than its worker has."""

_MOST_NAMED: Final = 12

AgentT = TypeVar("AgentT", bound=Named)
ResultT = TypeVar("ResultT")
ParamsT = ParamSpec("ParamsT")


class DriftError(Exception):
    """The agent of a run is not what its worker has. Nothing between the activity and the agent's run catches it."""


@dataclass(frozen=True)
class Terms:
    """On which builds a client wants its run."""

    build: str = ""
    """Only on this one. Empty: on any that is vouched for."""

    break_glass: str = ""
    """Why the run is to go on even with an agent that nobody vouches for. Empty: it is not."""

    def to_json(self) -> bytes:
        """Return the terms as they travel."""
        return json.dumps({"build": self.build, "break_glass": self.break_glass}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Terms":
        """Read what `to_json` wrote."""
        document = json.loads(data)
        return cls(build=str(document.get("build", "")), break_glass=str(document.get("break_glass", "")))


@dataclass(frozen=True)
class Carried:
    """What an activity is told of the agent that it works for."""

    agent: str
    digest: str
    terms: Terms

    def to_json(self) -> bytes:
        """Return it as it travels."""
        told = {"agent": self.agent, "digest": self.digest}
        if self.terms != Terms():
            told |= {"build": self.terms.build, "break_glass": self.terms.break_glass}
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Carried":
        """Read what `to_json` wrote."""
        document = json.loads(data)
        return cls(str(document["agent"]), str(document["digest"]), Terms.from_json(data))


class _Running:
    """An agent that is at work here, and its fingerprint once an activity needed it."""

    def __init__(self, agent: Named) -> None:
        self.agent = agent
        self.taken: Fingerprint | None = None


_running: Final[ContextVar[_Running | None]] = ContextVar("callboard_running_agent", default=None)


@contextmanager
def running_as(agent: Named) -> Generator[None]:
    """Have the activities that are started in this block carry `agent`. Only from a workflow.

    Raises:
        RefusedError: The worker of one of them has another agent of this name, which nobody vouches for.
    """
    with bound(_running, _Running(agent)):
        try:
            yield
        except DriftError as error:
            raise RefusedError(str(error)) from error


def carrying(
    run: Callable[Concatenate[AgentT, ParamsT], Awaitable[ResultT]],
) -> Callable[Concatenate[AgentT, ParamsT], Coroutine[Any, Any, ResultT]]:  # Any: what asyncio sends a coroutine
    """Make a method of an agent one whose activities carry that agent, as `running_as` does."""

    @wraps(run)
    async def carried(self: AgentT, *args: ParamsT.args, **kwargs: ParamsT.kwargs) -> ResultT:
        with running_as(self):
            return await run(self, *args, **kwargs)

    return carried


def raise_drift(error: BaseException) -> None:
    """Raise what an activity's failure says of drift, with the parts that differ; do nothing when it says nothing.

    Raises:
        DriftError: The agent of this run is not what the worker of the activity has.
    """
    cause = error.cause if isinstance(error, ActivityError) else None
    if isinstance(cause, ApplicationError) and cause.type == DRIFT:
        _raise(cause)


def _raise(cause: ApplicationError) -> NoReturn:
    running = _running.get()
    if running is None or running.taken is None or not cause.details:
        raise DriftError(cause.message) from cause
    # Where a worker has several of the name, the one that is nearest says most.
    own, others = running.taken, map(Fingerprint.model_validate, cause.details)
    paths = min((differing(own, other) for other in others), key=len)
    named = ", ".join(paths[:_MOST_NAMED])
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    raise DriftError(f"{cause.message}; they differ in {named}{more}") from cause


class CarryingOutbound(WorkflowOutboundInterceptor):
    """Puts the running agent into the headers of what a workflow run starts."""

    def __init__(self, next: WorkflowOutboundInterceptor, *, surroundings: Surroundings) -> None:
        super().__init__(next)
        self._surroundings = surroundings
        self._taken: dict[int, tuple[Named, Fingerprint]] = {}

    def start_activity(self, input: StartActivityInput):
        """Start an activity that carries the agent it works for."""
        running = _running.get()
        if running is not None:
            running.taken = self._fingerprint(running.agent)
            carried = Carried(running.taken.agent, running.taken.digest, terms_from(workflow.info().headers))
            input.headers = {**input.headers, AGENT_HEADER: _payload(carried.to_json())}
        return self.next.start_activity(input)

    async def start_child_workflow(self, input: StartChildWorkflowInput):
        """Start a child on the same terms."""
        input.headers = _on_same_terms(input.headers)
        return await self.next.start_child_workflow(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:
        """Go on in a new run on the same terms."""
        input.headers = _on_same_terms(input.headers)
        self.next.continue_as_new(input)

    def _fingerprint(self, agent: Named) -> Fingerprint:
        # By identity, and kept together with the agent so that nobody else gets its identity meanwhile.
        held = self._taken.get(id(agent))
        if held is None:
            try:
                taken = fingerprint(agent, self._surroundings)
            except FingerprintError as error:
                # Anything else would fail the workflow's task, and be tried again for ever.
                raise DriftError(
                    f"agent {agent.name!r} of this run cannot be told apart from others: {error}"
                ) from error
            held = self._taken[id(agent)] = (agent, taken)
        return held[1]


Headers = Mapping[str, temporalio.api.common.v1.Payload]


def terms_from(headers: Headers) -> Terms:
    """Return the terms that `headers` name."""
    payload = headers.get(TERMS_HEADER)
    return Terms() if payload is None else Terms.from_json(payload.data)


def with_terms(headers: Headers, terms: Terms) -> Headers:
    """Return `headers` with these terms."""
    return headers if terms == Terms() else {**headers, TERMS_HEADER: _payload(terms.to_json())}


def _on_same_terms(headers: Headers) -> Headers:
    return with_terms(headers, terms_from(workflow.info().headers))


def _payload(data: bytes) -> temporalio.api.common.v1.Payload:
    return temporalio.api.common.v1.Payload(metadata={"encoding": b"json/plain"}, data=data)
