"""What became of the runs of a build: counted by Temporal's visibility, priced by the call records."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from callboard_kit.entities.lock import LOCK
from callboard_kit.rollouts.deployment import version_attribute
from callboard_kit.rollouts.judging import Sample
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
        """Return what became of each build's runs that began since then.

        Raises:
            temporalio.service.RPCError: Temporal does not say.
            RegistryError: The registry does not say what they cost.
        """
        costs = await self._prices(since) if self._prices else dict[str, Sequence[float]]()
        return [await self._sample(build, since, costs.get(build, ())) for build in builds]

    async def in_flight(self, build: str) -> int:
        """Return how many runs a build has to bring to an end."""
        return await self._count(f"{self._of(build)} AND ExecutionStatus = 'Running'")

    async def _sample(self, build: str, since: datetime, costs: Sequence[float]) -> Sample:
        begun = f"{self._of(build)} AND StartTime >= '{since.astimezone(UTC).isoformat()}'"
        ended = errors = refusals = 0
        seconds: list[float] = []
        async for run in self._client.list_workflows(f"{begun} AND ExecutionStatus != 'Running'", limit=MOST_RUNS):
            if run.status not in _ENDED or run.close_time is None:
                continue
            ended += 1
            seconds.append((run.close_time - run.start_time).total_seconds())
            refused = _outcome(run) == "refused"
            refusals += refused
            errors += run.status in _FAILED and not refused
        return Sample(
            build=build,
            ended=ended,
            errors=errors,
            refusals=refusals,
            seconds=tuple(seconds),
            costs=tuple(costs),
            started=await self._count(begun),
            in_flight=await self.in_flight(build),
        )

    async def _count(self, query: str) -> int:
        return (await self._client.count_workflows(query)).count

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


def _outcome(run: WorkflowExecution) -> str:
    return run.typed_search_attributes.get(OUTCOME) or ""
