"""Begins, ends and describes the rollout of one team, on Temporal's own deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from callboard.failures import CommandError
from callboard.rollouts.handlers import differences, served_by
from callboard_kit.rollouts.advancing import PROGRESS, Plan, Progress, Rollout, begin, rollout_id
from callboard_kit.rollouts.deployment import Build, Deployment, Routing
from callboard_kit.rollouts.judging import Compared, Sample, compare
from callboard_kit.rollouts.measuring import Measuring, Prices
from callboard_registry_api.client import RegistryClient

NOBODY: Final = "workers without a version"
"""What stands where a build would, when the deployment has no current one."""

_QUICK: Final = timedelta(seconds=3)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """How a rollout goes on by itself."""

    shares: tuple[float, ...]
    enough: int
    every: timedelta


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """One build of a team, as it stands."""

    build: Build
    in_flight: int
    """Runs that it has to bring to an end."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The builds of a team, and how the ramping one does beside the current one."""

    team: str
    routing: Routing
    builds: tuple[BuildReport, ...]
    old: Sample | None = None
    new: Sample | None = None
    compared: tuple[Compared, ...] = ()
    by_itself: Progress | None = None
    """How far it is, when it goes on by itself or did so last."""


class Conductor:
    """Conducts the rollouts of one team.

    Args:
        client: Of the team's namespace.
        team: The team, which is also its deployment's name.
        task_queue: Where its workers look for work.
        registry: Where what workers serve is told.
        prices: Tells what runs cost.
    """

    def __init__(
        self, client: Client, team: str, *, task_queue: str, registry: RegistryClient, prices: Prices | None = None
    ) -> None:
        self._client = client
        self._team = team
        self._task_queue = task_queue
        self._registry = registry
        self._deployment = Deployment(client, team)
        self._measuring = Measuring(client, team, prices=prices)

    async def start(self, *, build: str, percent: float, steps: Steps | None) -> Routing:
        """Send a share of the new work to a build, by default to the youngest that never had any.

        Raises:
            CommandError: Another one is ramping, there is no such build, or its handlers serve something else.
        """
        seen = await self._look()
        new = self._candidate(seen, build)
        if seen.ramping and seen.ramping != new:
            raise CommandError(
                f"build {seen.ramping!r} is ramping already; 'callboard rollout promote {self._team}' or"
                f" 'callboard rollout rollback {self._team}' ends that"
            )
        if seen.current:
            await self._require_alike(seen.current, new)
        await self._deployment.ramp(new, percent, seen)
        after = await self._look()
        if steps is not None:
            await self._go_on(after, steps)
        return after

    async def promote(self) -> Routing:
        """Send all new work to the ramping build.

        Raises:
            CommandError: None is ramping.
        """
        seen = await self._look()
        if not seen.ramping:
            raise CommandError(f"nothing of team {self._team!r} is ramping; 'callboard rollout start' begins a rollout")
        await self._deployment.make_current(seen.ramping, seen)
        return await self._look()

    async def rollback(self) -> Routing:
        """End the ramp; when there is none, send all new work to the build that was current before.

        Raises:
            CommandError: No build was current before.
        """
        seen = await self._look()
        if seen.ramping:
            await self._deployment.ramp("", 0.0, seen)
        elif (before := seen.before()) is not None:
            await self._deployment.make_current(before.name, seen)
        else:
            raise CommandError(f"there is nothing to go back to: team {self._team!r} has had one build only")
        return await self._look()

    async def report(self) -> Report:
        """Return how the builds of the team stand."""
        seen = await self._look()
        builds = [BuildReport(build=each, in_flight=await self._measuring.in_flight(each.name)) for each in seen.builds]
        by_itself = await self._by_itself()
        report = Report(team=self._team, routing=seen, builds=tuple(builds), by_itself=by_itself)
        if not seen.ramping or seen.since is None:
            return report
        old, new = await self._measuring.samples(seen.current, seen.ramping, since=seen.since)
        return Report(
            team=self._team,
            routing=seen,
            builds=tuple(builds),
            old=old,
            new=new,
            compared=compare(old, new),
            by_itself=by_itself,
        )

    async def undrained(self, build: str) -> Sequence[BuildReport]:
        """Return the builds that get no new work but have runs to bring to an end; only one, if it is named.

        Raises:
            CommandError: There is no such build, or it gets new work.
        """
        seen = await self._look()
        if build and seen.build(build) is None:
            raise CommandError(self._unknown(build, seen))
        busy = {seen.current, seen.ramping}
        if build in busy and build:
            raise CommandError(f"build {build!r} gets new work; another has to be current before it can drain")
        rest = [each for each in seen.builds if each.name not in busy and build in ("", each.name)]
        reports = [BuildReport(build=each, in_flight=await self._measuring.in_flight(each.name)) for each in rest]
        return [each for each in reports if each.in_flight]

    async def _look(self) -> Routing:
        seen = await self._deployment.look()
        if seen is None:
            raise CommandError(
                f"no versioned worker of team {self._team!r} has ever asked for work; start one, without"
                " CALLBOARD_VERSIONING=off"
            )
        return seen

    def _candidate(self, seen: Routing, build: str) -> str:
        if build:
            if seen.build(build) is None:
                raise CommandError(self._unknown(build, seen))
            if build == seen.current:
                raise CommandError(f"build {build!r} gets all new work already")
            return build
        if seen.ramping:
            return seen.ramping
        new = next((each.name for each in seen.builds if each.state == "new"), None)
        if new is None:
            known = ", ".join(each.name for each in seen.builds)
            raise CommandError(
                f"team {self._team!r} has no new build, only {known}; start a worker of the new one with"
                " CALLBOARD_TAKEOVER=off, or name an old one with --build"
            )
        return new

    def _unknown(self, build: str, seen: Routing) -> str:
        return f"team {self._team!r} has no build {build!r}; it has {', '.join(each.name for each in seen.builds)}"

    async def _require_alike(self, old: str, new: str) -> None:
        workers = [each async for each in self._registry.health.workers(team=self._team)]
        before, after = (served_by(workers, build, task_queue=self._task_queue) for build in (old, new))
        if differ := await differences(self._registry, before, after):
            raise CommandError(
                f"the handlers of {old} and {new} do not serve the same, and a ramp cannot split what handlers answer:"
                f" {'; '.join(differ)}. Try them over the endpoint '{self._team}-canary' first (docs/rollouts.md)"
            )

    async def _go_on(self, seen: Routing, steps: Steps) -> None:
        plan = Plan(
            deployment=self._team,
            old=seen.current,
            new=seen.ramping,
            steps=tuple(dict.fromkeys((seen.percent, *(each for each in steps.shares if each > seen.percent)))),
            enough=steps.enough,
            every=steps.every,
            began=seen.since or datetime.now(UTC),
        )
        await begin(self._client, plan, task_queue=self._task_queue)

    async def _by_itself(self) -> Progress | None:
        handle = self._client.get_workflow_handle_for(Rollout.run, rollout_id(self._team))
        try:
            status = (await handle.describe()).status
            if status == WorkflowExecutionStatus.COMPLETED:
                return await handle.result()
            if status == WorkflowExecutionStatus.RUNNING:
                return await handle.query(PROGRESS, result_type=Progress, rpc_timeout=_QUICK)
        except RPCError as error:
            # There never was one, or nobody is there to answer: that it goes on is no more certain then.
            if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.DEADLINE_EXCEEDED}:
                raise
        return None
