"""A shadow: a candidate gets copies of real calls, as dry runs, and what it answers is compared.

One workflow of the team stands for it: workers signal it the runs to copy, it copies them a few at a time when these
have ended, and keeps count of agreement and of what was spent. It ends when it was stopped, its time is over, its
copies are made or its budget is used up.
"""

import asyncio
import hashlib
from collections import Counter
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AwareDatetime, Field
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy, VersioningBehavior
from temporalio.exceptions import ActivityError

from callboard_contracts import MeshError
from callboard_kit.messages import KitMessage
from callboard_kit.trials.comparing import Difference
from callboard_kit.trials.standing import STOP, begin

SHADOW: Final = "callboard.Shadow"
"""The type of the workflow that stands for a shadow."""

COPY: Final = "copy"
"""The signal that names a run to copy."""

REPORT: Final = "report"
"""The query that tells what has come of it so far."""

MAKE_COPY: Final = "callboard.shadow_copy"
"""The activity that copies one run, and compares."""

AT_ONCE: Final = 4
"""Copies that run at the same time."""

WAITING: Final = 50
"""Runs that wait to be copied, at most; what comes then is left out."""

MOST_COPIES: Final = 1_000
MOST_CASES: Final = 50
"""Copies that differed, or were not made, of which is told: the last ones."""


class ShadowPlan(KitMessage):
    """What is copied, to which build, and how much of it."""

    id: str
    team: str
    candidate: str
    """The build that gets the copies."""

    share: Annotated[float, Field(gt=0, le=100)]
    """Of the calls, in per cent, that are copied."""

    operations: tuple[str, ...]
    """What is copied, as `orders.v1.cancel_pending_order`: operations with a workflow behind them."""

    most: Annotated[int, Field(ge=1, le=MOST_COPIES)]
    """How many copies are made, at most."""

    budget_usd: Annotated[float, Field(ge=0)]
    """What all copies together may spend on models, US dollars."""

    each_usd: Annotated[float, Field(ge=0)]
    """What one copy may."""

    patience: timedelta
    """How long a real run may take to be copied when it has ended, and how long a copy may take."""

    ignore: tuple[str, ...] = ("/answer/usage",)
    """JSON pointers at and below which differences do not count."""

    began: AwareDatetime
    ends: AwareDatetime

    def takes(self, run_id: str) -> bool:
        """Tell whether a run is one of the share that is copied: the same whoever asks, however often."""
        hashed = hashlib.sha256(f"{self.id}\n{run_id}".encode()).digest()
        return int.from_bytes(hashed[:8]) < self.share / 100 * 2**64


class Wanted(KitMessage):
    """A run that is to be copied."""

    workflow_id: str
    run_id: str
    operation: str


class Order(KitMessage):
    """One copy that is to be made."""

    plan: ShadowPlan
    wanted: Wanted


class Case(KitMessage):
    """What came of one copy."""

    wanted: Wanted
    copy_id: str = ""
    """The workflow that is the copy, in the team's namespace; its history says what it did."""

    skipped: str = ""
    """Why it was not made, or not compared. Empty: it was."""

    differences: tuple[Difference, ...] = ()
    effects: int = 0
    """Things with an effect that the candidate would have done, and did not."""

    spent_usd: float = 0.0


class ShadowReport(KitMessage):
    """What has come of a shadow."""

    plan: ShadowPlan
    made: int = 0
    """Copies that were begun."""

    compared: int = 0
    agreed: int = 0
    """Of those compared: with the same answer and the same effects."""

    same_answers: int = 0
    same_effects: int = 0
    effects: int = 0
    """Things with an effect that were asked for in copies. None was done."""

    skipped: int = 0
    left_out: int = 0
    """Runs that were not copied because too many waited."""

    spent_usd: float = 0.0
    pointers: dict[str, int] = Field(default_factory=dict)
    """In how many copies which place differed."""

    cases: tuple[Case, ...] = ()
    """The last ones that differed or were not compared."""

    ended: str = ""
    """Why it ended. Empty while it goes on."""


@workflow.defn(name=SHADOW, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class ShadowStands:
    """Copies the runs that it is told of, within its bounds."""

    @workflow.init
    def __init__(self, plan: ShadowPlan) -> None:
        """Wait for the first run."""
        self._report = ShadowReport(plan=plan)
        self._waiting: list[Wanted] = []
        self._seen: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._stopped = False

    @workflow.run
    async def run(self, plan: ShadowPlan) -> ShadowReport:
        """Copy and compare until it is over, and return what came of it."""
        while (ended := self._over()) is None:
            while self._waiting and self._may_begin():
                task = asyncio.create_task(self._copy(self._waiting.pop(0)))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            left = (plan.ends - workflow.now()).total_seconds()
            try:
                await workflow.wait_condition(self._may_go_on, timeout=max(left, 0.001))
            except TimeoutError:
                continue
        if self._stopped:
            for task in self._running:
                task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._report = self._report.model_copy(update={"ended": ended})
        return self._report

    @workflow.signal(name=COPY)
    def copy(self, wanted: Wanted) -> None:
        """Have a run copied."""
        if wanted.run_id in self._seen:
            return
        self._seen.add(wanted.run_id)
        if len(self._waiting) >= WAITING:
            self._report = self._report.model_copy(update={"left_out": self._report.left_out + 1})
            return
        self._waiting.append(wanted)

    @workflow.signal(name=STOP)
    def stop(self) -> None:
        """End it; copies that run are given up."""
        self._stopped = True

    @workflow.query(name=REPORT)
    def report(self) -> ShadowReport:
        """Tell what has come of it so far."""
        return self._report

    def _may_go_on(self) -> bool:
        return self._over() is not None or (bool(self._waiting) and self._may_begin())

    def _may_begin(self) -> bool:
        plan = self._report.plan
        # What runs is taken to spend all that it may, so that together they never spend more than there is.
        committed = self._report.spent_usd + (len(self._running) + 1) * plan.each_usd
        return (
            len(self._running) < AT_ONCE
            and self._report.made < plan.most
            and (committed <= plan.budget_usd or not plan.each_usd)
        )

    def _over(self) -> str | None:
        plan, report = self._report.plan, self._report
        if self._stopped:
            return "it was stopped"
        if workflow.now() >= plan.ends:
            return "its time was over"
        if self._running:
            return None
        if report.made >= plan.most:
            return "all its copies were made"
        if plan.each_usd and report.spent_usd + plan.each_usd > plan.budget_usd:
            return "its budget was used up"
        return None

    async def _copy(self, wanted: Wanted) -> None:
        self._report = self._report.model_copy(update={"made": self._report.made + 1})
        plan = self._report.plan
        try:
            case = await workflow.execute_activity(
                MAKE_COPY,
                Order(plan=plan, wanted=wanted),
                result_type=Case,
                start_to_close_timeout=plan.patience * 2 + timedelta(minutes=1),
                heartbeat_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(maximum_attempts=3),
            )
        except (ActivityError, MeshError) as error:
            # Nobody knows what it spent, so it counts as all that it may.
            workflow.logger.warning("run %s was not copied", wanted.workflow_id, exc_info=error)
            case = Case(wanted=wanted, skipped="the copy could not be made", spent_usd=plan.each_usd)
        self._count(case)

    def _count(self, case: Case) -> None:
        report = self._report
        if case.skipped:
            counts = {"skipped": report.skipped + 1}
        else:
            places = [each.pointer for each in case.differences]
            counts = {
                "compared": report.compared + 1,
                "agreed": report.agreed + (not places),
                "same_answers": report.same_answers + (not any(_of_answer(each) for each in places)),
                "same_effects": report.same_effects + all(_of_answer(each) for each in places),
            }
        more: dict[str, object] = {
            **counts,
            "effects": report.effects + case.effects,
            "spent_usd": report.spent_usd + case.spent_usd,
            "pointers": dict(Counter(report.pointers) + Counter({each.pointer for each in case.differences})),
        }
        if case.skipped or case.differences:
            more["cases"] = (*report.cases, case)[-MOST_CASES:]
        self._report = report.model_copy(update=more)


def shadow_id(team: str) -> str:
    """Return the id of the workflow that stands for a team's shadow."""
    return f"{team}-shadow"


async def begin_shadow(client: Client, plan: ShadowPlan, *, task_queue: str) -> None:
    """Put a shadow in force.

    Raises:
        TrialError: Another one is.
    """
    taken = f"team {plan.team!r} has a shadow already; 'callboard shadow stop {plan.team}' ends it"
    await begin(client, ShadowStands.run, plan, id=shadow_id(plan.team), task_queue=task_queue, taken=taken)


def _of_answer(pointer: str) -> bool:
    return not pointer.startswith("/effects")
