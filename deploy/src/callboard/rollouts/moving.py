"""Takes the runs of a build over to another one, those that can go on there."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from temporalio.client import Client, WorkflowHistory

from callboard.failures import CommandError
from callboard_kit.replaying import Judged
from callboard_kit.rollouts.deployment import Deployment
from callboard_kit.rollouts.moving import pin, pinned_to


class Judge(Protocol):
    """Tells whether a run could go on with the code that is installed here."""

    async def judge(self, history: WorkflowHistory) -> Judged:
        """Replay what happened so far."""
        ...


@dataclass(frozen=True, kw_only=True)
class Move:
    """What became of one run."""

    workflow: str
    run: str
    judged: Judged
    moved: bool
    """Whether it goes on with the other build, or would when this is no try."""


class Mover:
    """Moves runs between builds of one team.

    Args:
        client: Of the team's namespace.
        team: The team, which is also its deployment's name.
        judge: Replays histories on the code of the build that is moved to.
    """

    def __init__(self, client: Client, team: str, *, judge: Judge) -> None:
        self._client = client
        self._team = team
        self._judge = judge

    async def move(self, source: str, target: str, *, dry: bool, force: bool) -> AsyncIterator[Move]:
        """Move every run that is pinned to `source` and can go on with `target`, and yield what became of each.

        A run that would do something else there, or be stuck, stays where it is unless `force` says otherwise.

        Raises:
            CommandError: There is no such build, or `source` still gets new work.
            DeploymentError: Temporal would not move one.
        """
        await self._require(source, target)
        runs = [run async for run in self._client.list_workflows(pinned_to(self._team, source))]
        for run in runs:
            history = await self._client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
            judged = await self._judge.judge(history)
            goes = force or judged.verdict == "same"
            if goes and not dry:
                goes = await pin(self._client, run, self._team, target)
            yield Move(workflow=run.workflow_type, run=run.id, judged=judged, moved=goes)

    async def _require(self, source: str, target: str) -> None:
        seen = await Deployment(self._client, self._team).look()
        known: Sequence[str] = [] if seen is None else [each.name for each in seen.builds]
        for build in (source, target):
            if build not in known:
                raise CommandError(f"team {self._team!r} has no build {build!r}; it has {', '.join(known) or 'none'}")
        if source == target:
            raise CommandError(f"runs of build {source!r} are there already; name another one with --to")
        if seen is not None and source in (seen.current, seen.ramping):
            raise CommandError(
                f"build {source!r} still gets new work, so more of its runs would come;"
                f" 'callboard rollout rollback {self._team}' first"
            )
