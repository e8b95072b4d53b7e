"""What became of the runs of a build: counted by Temporal's visibility, priced by the call records."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from callboard_kit.entities.lock import LOCK
from callboard_kit.rollouts.deployment import version_attribute
from callboard_kit.rollouts.judging import Sample, patience_of
from callboard_kit.search_attributes import OUTCOME
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.client import RegistryClient

ROLLOUT: Final = "callboard.Rollout"
"""The type of the workflow that advances a rollout by itself."""

MOST_RUNS: Final = 2_000
"""Runs of one build that are looked at, the newest ones."""

_OWN: Final = (LOCK, ROLLOUT)
_FAILED: Final = frozenset(
    {WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.TIMED_OUT, WorkflowExecutionStatus.TERMINATED}
)
_ENDED: Final = (*_FAILED, WorkflowExecutionStatus.COMPLETED)
_PAGE: Final = 1_000

Prices = Callable[[datetime], Awaitable[Mapping[str, Sequence[float]]]]
"""Returns what calls that began since then cost, by build."""


class Measuring:
    """Samples the runs of one deployment's builds."""

    def __init__(self, client: Client, deployment: str, *, prices: Prices | None = None) -> None:
        self._client = client
        self._deployment = deployment
        self._prices = prices

    async def samples(self, *builds: str, since: datetime) -> list[Sample]:
        """Return what became of each build's runs that began since then. The first is the one that sets the pace.

        Raises:
            temporalio.service.RPCError: Temporal does not say.
            RegistryError: The registry does not say what they cost.
        """
        costs = await self._prices(since) if self._prices else dict[str, Sequence[float]]()
        found = [await self._runs(build, since) for build in builds]
        now = datetime.now(UTC)
        patience = patience_of([_lasted(run, now) for run in found[0]]) if found else None
        return [
            await self._sample(build, since, runs, costs.get(build, ()), patience=patience, now=now)
            for build, runs in zip(builds, found, strict=True)
        ]

    async def in_flight(self, build: str) -> int:
        """Return how many runs a build has to bring to an end."""
        return await self._count(f"{self._of(build)} AND ExecutionStatus = 'Running'")

    async def _runs(self, build: str, since: datetime) -> Sequence[WorkflowExecution]:
        """Return the runs that began since then and go on, or came to an end of their own."""
        runs = self._client.list_workflows(self._begun(build, since), limit=MOST_RUNS)
        return [run async for run in runs if run.close_time is None or run.status in _ENDED]

    async def _sample(
        self,
        build: str,
        since: datetime,
        runs: Sequence[WorkflowExecution],
        costs: Sequence[float],
        *,
        patience: float | None,
        now: datetime,
    ) -> Sample:
        ended = [run for run in runs if run.close_time is not None]
        refused = [_outcome(run) == "refused" for run in ended]
        waited = [run for run in runs if patience is not None and (now - run.start_time).total_seconds() >= patience]
        overdue = [run for run in waited if patience is not None and _lasted(run, now) > patience]
        return Sample(
            build=build,
            ended=len(ended),
            errors=sum(run.status in _FAILED and not no for run, no in zip(ended, refused, strict=True)),
            refusals=sum(refused),
            seconds=tuple(_lasted(run, now) for run in ended),
            costs=tuple(costs),
            started=await self._count(self._begun(build, since)),
            in_flight=await self.in_flight(build),
            patience=patience,
            waited=len(waited),
            overdue=len(overdue),
            hanging=sum(run.close_time is None for run in overdue),
        )

    async def _count(self, query: str) -> int:
        return (await self._client.count_workflows(query)).count

    def _begun(self, build: str, since: datetime) -> str:
        return f"{self._of(build)} AND StartTime >= '{since.astimezone(UTC).isoformat()}'"

    def _of(self, build: str) -> str:
        version = version_attribute(self._deployment, build).replace("'", "''")
        own = "".join(f" AND WorkflowType != '{each}'" for each in _OWN)
        return f"TemporalWorkerDeploymentVersion = '{version}' AND TemporalWorkflowVersioningBehavior = 'Pinned'{own}"


def prices_from(registry: RegistryClient, team: str) -> Prices:
    """Return what the registry's call records say of the costs of a team's builds."""

    async def prices(since: datetime) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        after, seen = "", 0
        which = CallFilter(team=team, since=since, outcomes=("ok",))
        while seen < MOST_RUNS:
            page = await registry.audit.calls(which, after=after, page_size=_PAGE, newest_first=True)
            for record in page.records:
                if record.cost_usd is not None and record.service.partition(".")[0] == team:
                    found.setdefault(record.build, []).append(record.cost_usd)
            seen += len(page.records)
            if len(page.records) < _PAGE:
                break
            after = page.cursor
        return found

    return prices


def _lasted(run: WorkflowExecution, now: datetime) -> float:
    """Return how many seconds a run took, or has taken so far."""
    return ((run.close_time or now) - run.start_time).total_seconds()


def _outcome(run: WorkflowExecution) -> str:
    return run.typed_search_attributes.get(OUTCOME) or ""
