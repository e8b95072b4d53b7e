"""A rollout that goes on by itself: a workflow of the team that looks, and then advances the ramp or ends it.

It keeps nothing that Temporal's deployment does not know but how far it is in its steps. Whoever changes the
deployment by hand ends it: it never undoes what somebody decided.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    PinnedVersioningOverride,
    RetryPolicy,
    VersioningBehavior,
    WorkerDeploymentVersion,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from callboard_kit.messages import KitMessage
from callboard_kit.rollouts.deployment import Deployment, DeploymentError
from callboard_kit.rollouts.judging import Compared, compare, first_worse, looks_due
from callboard_kit.rollouts.measuring import ROLLOUT, Measuring, Prices
from callboard_kit.rollouts.saying import said_of

LOOK: Final = "callboard.rollout_look"
"""The activity that tells how the new build does."""

MOVE: Final = "callboard.rollout_move"
"""The activity that changes the share of the new build."""

PROGRESS: Final = "progress"
"""The query that tells how far a rollout is."""

_SOON: Final = timedelta(seconds=60)
_KEEP_TRYING: Final = RetryPolicy(maximum_interval=timedelta(seconds=10))

Ending = Literal["promoted", "rolled back", "left"]
"""How a rollout ended; `left` when somebody else changed the deployment."""


class Plan(KitMessage):
    """A rollout that goes on by itself."""

    deployment: str
    old: str
    """The build that is current. Empty: the workers that are not versioned."""

    new: str
    steps: tuple[float, ...]
    """The shares of the new build, in per cent and in this order; after the last it is promoted."""

    enough: int
    """How many runs of the new build have to end in each step."""

    every: timedelta
    """How often it looks."""

    began: datetime
    """When the ramp began."""


class Progress(KitMessage):
    """How far a rollout is."""

    plan: Plan
    step: int = 0
    """Which of the steps it is in, from 0 on."""

    ended: int = 0
    """Runs of the new build that had ended when it looked last."""

    before_step: int = 0
    """How many had when the step began."""

    looks: int = 0
    """How often it has judged the new build."""

    ending: Ending | None = None
    """How it ended; None while it goes on."""

    reason: str = ""
    """Why it ended so."""


class Seen(KitMessage):
    """What a look at a rollout found."""

    ended: int
    """Runs of the new build that have ended."""

    looks: int
    """How often it has been judged, this time included if it was."""

    worse: str = ""
    """In what the new build is worse; empty when it is not."""

    left: str = ""
    """What somebody else did to the deployment; empty when nobody did anything."""


class Move(KitMessage):
    """Send a share of the new work to a build."""

    plan: Plan
    percent: float
    """0 ends the ramp; more than 100 makes the build current."""


PROMOTE: Final = 101.0


@workflow.defn(name=ROLLOUT, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Rollout:
    """Advances one rollout step by step while the new build is no worse than the old one, and ends it when it is."""

    @workflow.init
    def __init__(self, progress: Progress) -> None:
        """Go on from where the run before left off."""
        self._progress = progress

    @workflow.run
    async def run(self, progress: Progress) -> Progress:
        """Look, and advance or end the ramp, until it has ended."""
        plan = progress.plan
        while self._progress.ending is None:
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._progress)
            await workflow.sleep(plan.every)
            seen = await self._look()
            self._progress = self._progress.model_copy(update={"ended": seen.ended, "looks": seen.looks})
            if seen.left:
                self._end("left", seen.left)
            elif seen.worse:
                await self._move(0)
                self._end("rolled back", seen.worse)
            elif seen.ended - self._progress.before_step >= plan.enough:
                await self._advance()
        return self._progress

    @workflow.query(name=PROGRESS)
    def progress(self) -> Progress:
        """Tell how far it is."""
        return self._progress

    async def _advance(self) -> None:
        progress, plan = self._progress, self._progress.plan
        if progress.step + 1 == len(plan.steps):
            await self._move(PROMOTE)
            self._end("promoted", "it was no worse in any step")
            return
        await self._move(plan.steps[progress.step + 1])
        self._progress = progress.model_copy(update={"step": progress.step + 1, "before_step": progress.ended})

    async def _look(self) -> Seen:
        return await workflow.execute_activity(
            LOOK,
            self._progress,
            result_type=Seen,
            start_to_close_timeout=_SOON,
            retry_policy=_KEEP_TRYING,
        )

    async def _move(self, percent: float) -> None:
        await workflow.execute_activity(
            MOVE,
            Move(plan=self._progress.plan, percent=percent),
            start_to_close_timeout=_SOON,
            retry_policy=_KEEP_TRYING,
        )

    def _end(self, ending: Ending, reason: str) -> None:
        self._progress = self._progress.model_copy(update={"ending": ending, "reason": reason})
        workflow.logger.info("rollout of %s %s: %s", self._progress.plan.new, ending, reason)


class RolloutKeeper:
    """The activities behind `Rollout`, in any worker of the team."""

    def __init__(self, client: Client, *, prices: Prices | None = None) -> None:
        self._client = client
        self._prices = prices

    @property
    def activities(self) -> list[Callable[..., Any]]:  # Any: activities take and return anything
        """Return what a worker has to register."""
        return [self.look, self.move]

    @activity.defn(name=LOOK)
    async def look(self, progress: Progress) -> Seen:
        """Tell how the new build does, and judge it if that is due."""
        plan = progress.plan
        seen = Seen(ended=progress.ended, looks=progress.looks)
        routing = await Deployment(self._client, plan.deployment).look()
        if routing is None or (routing.current, routing.ramping) != (plan.old, plan.new):
            return seen.model_copy(update={"left": "somebody changed the deployment meanwhile"})
        measuring = Measuring(self._client, plan.deployment, prices=self._prices)
        old, new = await measuring.samples(plan.old, plan.new, since=plan.began)
        due = looks_due(new.decided)
        worse: Compared | None = first_worse(compare(old, new, look=due)) if due > progress.looks else None
        return Seen(
            ended=new.ended,
            looks=max(due, progress.looks),
            worse="" if worse is None else said_of(worse),
        )

    @activity.defn(name=MOVE)
    async def move(self, move: Move) -> None:
        """Change the share of the new build, unless somebody else changed the deployment or this was done before."""
        plan, deployment = move.plan, Deployment(self._client, move.plan.deployment)
        routing = await deployment.look()
        if routing is None:
            raise DeploymentError(f"deployment {plan.deployment!r} is gone")
        if (routing.current, routing.ramping) != (plan.old, plan.new):
            return
        if move.percent == PROMOTE:
            await deployment.make_current(plan.new, routing)
        else:
            await deployment.ramp(plan.new if move.percent else "", move.percent, routing)


async def begin(client: Client, plan: Plan, *, task_queue: str) -> WorkflowHandle[Rollout, Progress]:
    """Have a rollout go on by itself, in place of one that does so already.

    The build that is trusted judges the one that is not: the workflow is pinned to the old one.
    """
    override = PinnedVersioningOverride(WorkerDeploymentVersion(plan.deployment, plan.old)) if plan.old else None
    return await client.start_workflow(
        Rollout.run,
        Progress(plan=plan),
        id=rollout_id(plan.deployment),
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        versioning_override=override,
    )


def rollout_id(deployment: str) -> str:
    """Return the id of the workflow that advances a deployment's rollout: there is one at a time."""
    return f"{deployment}-rollout"
