"""What a worker knows of its team's trials: what is in force, heard a few seconds ago."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client
from temporalio.common import PinnedVersioningOverride, WorkerDeploymentVersion
from temporalio.service import RPCError

from callboard_kit.tokens import Call
from callboard_kit.trials.assigning import Experiment
from callboard_kit.trials.shadow import COPY, WAITING, ShadowPlan, Wanted, shadow_id
from callboard_kit.trials.standing import experiment_id, in_force
from callboard_registry_api.errors import RegistryError

logger: Final = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=5)
"""How often a worker asks what is in force."""

ARM: Final = "callboard_arm"
"""The field of a workflow's memo that says which arm of which experiment it is of."""

BuildsAlive = Callable[[], Awaitable[frozenset[str]]]
"""Tells which builds of the team have a worker now; may raise `RegistryError`."""


@dataclass(frozen=True)
class Placement:
    """Where a run belongs."""

    override: PinnedVersioningOverride
    memo: Mapping[str, str]


class Trials:
    """What one worker does about the trials of its team. Run `follow` beside it.

    When nobody says what is in force, what was heard last stays so, until its time is over.

    Args:
        team: The team.
        deployment: Its worker deployment.
        alive: Tells which builds have a worker: work is dealt out only while both have one. Absent: taken for granted.
    """

    def __init__(self, team: str, deployment: str, *, alive: BuildsAlive | None = None) -> None:
        self._team = team
        self._deployment = deployment
        self._alive = alive
        self._told = ""
        self._copies: asyncio.Queue[Wanted] = asyncio.Queue(WAITING)
        self.experiment: Experiment | None = None
        """What is dealt out by."""

        self.shadow: ShadowPlan | None = None
        """What is copied by."""

    def place(self, call: Call) -> Placement | None:
        """Return where the workflow behind a call belongs; None where it goes wherever new work goes."""
        experiment = self.experiment
        arm = None if experiment is None else experiment.arm_of(call, datetime.now(UTC))
        if experiment is None or arm is None:
            return None
        version = WorkerDeploymentVersion(self._deployment, experiment.build(arm))
        return Placement(PinnedVersioningOverride(version), {ARM: f"{experiment.id}/{arm}"})

    def mirror(self, call: Call, workflow_id: str, run_id: str) -> None:
        """Have a run that was just started for a call copied, if a shadow is in force that wants it; never waits."""
        plan = self.shadow
        if plan is None or call.address is None or call.dry or datetime.now(UTC) >= plan.ends:
            return
        operation = f"{call.address.service}.{call.address.operation}"
        if operation in plan.operations and plan.takes(run_id) and not self._copies.full():
            self._copies.put_nowait(Wanted(workflow_id=workflow_id, run_id=run_id, operation=operation))

    async def send(self, client: Client) -> None:
        """Name the runs that are to be copied to the workflow that stands for the shadow, until cancelled."""
        while True:
            wanted = await self._copies.get()
            try:
                await client.get_workflow_handle(shadow_id(self._team)).signal(COPY, wanted)
            except RPCError as error:  # It has ended meanwhile, or Temporal is away: one copy fewer.
                logger.debug("run %s is not copied: %s", wanted.workflow_id, error)

    async def look(self, client: Client) -> None:
        """Hear what is in force now.

        Raises:
            RPCError: Temporal does not say.
        """
        experiment = await in_force(client, experiment_id(self._team), Experiment)
        if experiment is not None and (missing := await self._without_worker(experiment)):
            self._tell(f"no worker of build {missing} is there: experiment {experiment.id} deals nothing out")
            experiment = None
        elif experiment is not None and (self.experiment is None or self.experiment.id != experiment.id):
            self._tell(f"experiment {experiment.id}: {experiment.share:g} % to {experiment.b}, the rest {experiment.a}")
        self.experiment = experiment
        self.shadow = await in_force(client, shadow_id(self._team), ShadowPlan)

    async def follow(self, client: Client) -> None:
        """Ask again and again until cancelled, and send what is to be copied."""
        sending = asyncio.create_task(self.send(client))
        try:
            while True:
                try:
                    await self.look(client)
                except RPCError as error:
                    logger.debug("it is not known which trials are in force: %s", error)
                await asyncio.sleep(EVERY.total_seconds())
        finally:
            sending.cancel()

    async def _without_worker(self, experiment: Experiment) -> str:
        if self._alive is None:
            return ""
        try:
            alive = await self._alive()
        except RegistryError as error:
            logger.debug("it is not known which builds have workers: %s", error)
            return ""
        return next((each for each in (experiment.a, experiment.b) if each not in alive), "")

    def _tell(self, words: str) -> None:
        if words != self._told:
            logger.warning("%s", words)
        self._told = words
