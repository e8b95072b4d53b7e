"""What an ambient agent may do about a finding: made of code, chosen by the analysis, begun once.

The analysis picks one of the remedies that fit and says how sure it is. What the remedy then does, to what and with
which values, is worked out from the finding by code: words in a record cannot make it do anything else.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import Effect, Message, UnavailableError
from callboard_kit.ambient.findings import Assessment, Finding, Planned, Settled
from callboard_kit.ambient.memory import place
from callboard_kit.messages import KitMessage

BEGIN: Final = "callboard.watch_begin"
"""The activity that starts the workflow of a remedy, once."""

OUTCOMES: Final = "callboard.watch_outcomes"
"""The activity that tells how the workflows of remedies ended."""


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """One kind of thing to do about findings of some kinds."""

    kind: str
    """What the analysis, policies and reports call it."""

    of: tuple[str, ...]
    """The kinds of findings that it is for."""

    description: str
    """What it does and when it is right, for the analysis."""

    service: str
    """Whose operation it calls, for instance `support.v1`; `local` for something of the team's own."""

    operation: str
    effect: Effect
    request: Callable[[Finding, Assessment], Message]
    """What it is done with: all of it comes from here. Called in the workflow: pure."""

    apply: Callable[[Any], Awaitable[str]]  # Any: what `request` returned
    """Do it, in the workflow, and say what came of it. Calls made in it carry an idempotency key."""

    sensitive: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fields of the request whose values a question does not show: dotted path to class of data."""

    still: Callable[[Finding], Awaitable[bool]] | None = None
    """Say whether the finding still holds, right before it is remedied. Absent: nobody looks again."""


class Beginning(KitMessage):
    """The workflow of a remedy, to be started."""

    type: str
    """The name of the workflow."""

    planned: Planned


def remedy_id(team: str, watch: str, *, since: str, wakes: int, finding: Finding) -> str:
    """Return the id of the workflow that remedies a finding.

    A wake that is made again because the one before failed arrives at the same id; the same finding, come back after
    wakes that did not see it any more, at another.

    Args:
        team: Whose watch it is.
        watch: What it is called.
        since: When the watch began.
        wakes: How many wakes had come to their end when the finding was first seen.
        finding: What is remedied; one finding is remedied once, whatever remedy the analysis picks.
    """
    work = hashlib.sha256(f"{since}\n{wakes}\n{place(finding)}".encode()).hexdigest()[:24]
    return f"{team}-{watch}-remedy-{work}"


class RemedyKeeper:
    """The activities of a watch: they start the workflows of remedies, and look how they ended."""

    @activity.defn(name=BEGIN)
    async def begin(self, beginning: Beginning) -> None:
        """Start the workflow of a remedy, unless there is, or was, one of its id."""
        try:
            await activity.client().start_workflow(
                beginning.type,
                beginning.planned,
                id=beginning.planned.id,
                task_queue=activity.info().task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        except WorkflowAlreadyStartedError:
            activity.logger.info("remedy %s was begun before", beginning.planned.id)

    @activity.defn(name=OUTCOMES)
    async def outcomes(self, workflows: tuple[str, ...]) -> tuple[Settled, ...]:
        """Tell which of these are over, and how each ended.

        Raises:
            UnavailableError: Temporal does not answer.
        """
        found = [await outcome(activity.client(), each) for each in workflows]
        return tuple(each for each in found if each is not None)

    @property
    def activities(self) -> tuple[Callable[..., Any], ...]:  # Any: activities take and return anything
        """Everything that a worker has to register."""
        return self.begin, self.outcomes


async def outcome(client: Client, workflow: str) -> Settled | None:
    """Return how the workflow of a remedy ended; None while it goes on.

    Raises:
        UnavailableError: Temporal does not answer.
    """
    handle = client.get_workflow_handle(workflow, result_type=Settled)
    try:
        described = await handle.describe()
        if described.status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW):
            return None
        return await handle.result()
    except WorkflowFailureError as error:
        return _lost(workflow, f"its workflow ended without a result: {error.cause or error}")
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return _lost(workflow, "Temporal keeps its workflow no longer")
        raise UnavailableError(f"Temporal does not answer for {workflow}: {error.message}") from error


def _lost(workflow: str, why: str) -> Settled:
    return Settled(workflow=workflow, remedy="", about="", outcome="failed", said=why)
