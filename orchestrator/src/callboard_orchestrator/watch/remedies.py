"""What the watch may do: put a case before people, and stop a run."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

from callboard_contracts import promise_of
from callboard_contracts.support import v1 as support
from callboard_kit.ambient import Assessment, Finding, Remedy
from callboard_orchestrator.watch.activities import RunKeeper
from callboard_orchestrator.watch.rules import REFUNDS, STOCK, STUCK_RUN, RunToStop

_ONE_TRY: Final = timedelta(seconds=20)
_PATIENCE: Final = timedelta(minutes=5)
_RETRIES: Final = RetryPolicy(maximum_interval=timedelta(seconds=10))
_LONGEST: Final = 2000

_HANDING_OVER: Final = promise_of(support.Support.transfer_to_human_agents)


def _case(finding: Finding, assessment: Assessment) -> support.Handover:
    return support.Handover(summary=f"The watch found: {finding.summary}. {assessment.explanation}"[:_LONGEST])


async def _raise_case(case: support.Handover) -> str:
    team = workflow.create_nexus_client(service=support.Support, endpoint=support.ENDPOINT)
    receipt = await team.execute_operation(
        support.Support.transfer_to_human_agents, case, schedule_to_close_timeout=_PATIENCE
    )
    return receipt.message


def _run_to_stop(finding: Finding, assessment: Assessment) -> RunToStop:
    return RunToStop(run_id=finding.key, reason=f"stopped by the watch: {assessment.explanation}"[:_LONGEST])


async def _stop_run(run: RunToStop) -> str:
    return await workflow.execute_activity_method(
        RunKeeper.stop_run,
        run,
        start_to_close_timeout=_ONE_TRY,
        schedule_to_close_timeout=_PATIENCE,
        retry_policy=_RETRIES,
    )


async def _goes_on(finding: Finding) -> bool:
    return await workflow.execute_activity_method(
        RunKeeper.goes_on,
        finding.key,
        start_to_close_timeout=_ONE_TRY,
        schedule_to_close_timeout=_PATIENCE,
        retry_policy=_RETRIES,
    )


RAISE_CASE: Final = Remedy(
    kind="raise_case",
    of=(REFUNDS, STOCK, STUCK_RUN),
    description="put the case before the people of the support team, who decide what to do",
    service="support.v1",
    operation="transfer_to_human_agents",
    effect=_HANDING_OVER.effect,
    sensitive=_HANDING_OVER.sensitive,
    request=_case,
    apply=_raise_case,
)
STOP_RUN: Final = Remedy(
    kind="stop_run",
    of=(STUCK_RUN,),
    description="cancel the run, which ends whatever it was doing; right only when it can come to no good end",
    service="local",
    operation="stop_run",
    effect="irreversible",
    request=_run_to_stop,
    apply=_stop_run,
    still=_goes_on,
)
