"""Makes the copies of a shadow, in a worker of the team: starts one, waits, and compares it with the real run."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from temporalio import activity
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import PinnedVersioningOverride, RawValue, WorkerDeploymentVersion, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from callboard_kit import mesh
from callboard_kit.budgets.telling import read_from_answer, read_from_failure
from callboard_kit.caller import CALL_HEADER
from callboard_kit.failing import from_failure
from callboard_kit.limits import NEVER, Limits
from callboard_kit.tokens import Call
from callboard_kit.trials.comparing import differences
from callboard_kit.trials.dry import REPEAT, ROOT, DryRunError, Note
from callboard_kit.trials.performing import DryRuns, Repeat
from callboard_kit.trials.recorded import Asked, asked_in, content_of, decoded
from callboard_kit.trials.shadow import MAKE_COPY, Case, Order, ShadowPlan

_BEAT: Final = 5.0
ARM: Final = "callboard_shadow"
"""The field of a copy's memo that says of which shadow it is, and what it copies."""


@dataclass(frozen=True)
class _Ending:
    """How a run ended."""

    outcome: str
    """`ok`, or the type of its error."""

    answer: object
    spent_usd: float


class Copier:
    """Makes copies."""

    def __init__(self, dry_runs: DryRuns) -> None:
        self._dry_runs = dry_runs

    @activity.defn(name=MAKE_COPY)
    async def copy(self, order: Order) -> Case:
        """Copy one run when it has ended, and compare."""
        beating = asyncio.create_task(_beat())
        try:
            return await self._copied(order)
        finally:
            beating.cancel()

    async def _copied(self, order: Order) -> Case:
        plan, wanted, client = order.plan, order.wanted, self._dry_runs.client
        real = client.get_workflow_handle(wanted.workflow_id, run_id=wanted.run_id, result_type=RawValue)
        serving = await _ending(real, plan)
        if serving is None:
            return Case(wanted=wanted, skipped=f"it had not ended after {plan.patience}")
        history = await real.fetch_history()
        started = history.events[0].workflow_execution_started_event_attributes
        version = WorkerDeploymentVersion(plan.team, plan.candidate)
        if f"{plan.team}:{plan.candidate}" in await _versions(real):
            return Case(wanted=wanted, skipped="the candidate did the real run itself")
        call = self._call(started, order)
        if call is None:
            return Case(wanted=wanted, skipped="it answers no call")
        handle = await self._start(client, started, order, call, version)
        candidate = await _ending(handle, plan)
        if candidate is None:
            await handle.terminate("this copy of a shadow took too long")
            return Case(
                wanted=wanted,
                copy_id=handle.id,
                skipped=f"the copy took longer than {plan.patience}",
                spent_usd=plan.each_usd,
            )
        copied = await asked_in(client, await handle.fetch_history())
        known = self._dry_runs.reads | {each.name for each in copied if Note.read(each.headers).reads}
        would = [each for each in map(self._intended, copied) if each is not None and each["do"] not in known]
        did = [
            {"do": each.name, "with": content_of(each.input)}
            for each in await self._dry_runs.answers.of(client, call.copies)
            if each.name not in known and not self._only_reads(each)
        ]
        return Case(
            wanted=wanted,
            copy_id=handle.id,
            differences=differences(
                {"outcome": serving.outcome, "answer": serving.answer, "effects": did},
                {"outcome": candidate.outcome, "answer": candidate.answer, "effects": would},
                ignore=plan.ignore,
            ),
            effects=len(would),
            spent_usd=candidate.spent_usd,
        )

    def _call(self, started: WorkflowExecutionStartedEventAttributes, order: Order) -> Call | None:
        header = started.header.fields.get(CALL_HEADER)
        real = None if header is None else Call.from_json(header.data)
        if real is None or real.address is None:
            return None
        wanted, plan, now = order.wanted, order.plan, activity.info().started_time.timestamp()
        name = hashlib.sha256(f"{plan.id}\n{wanted.workflow_id}\n{wanted.run_id}".encode()).hexdigest()[:16]
        limits = real.limits.tightened(Limits(cost_usd=plan.each_usd))
        return replace(
            real,
            # A tree of the team's own: what the caller once signed is over by now, and it never asked for this one. The
            # ids of the call stay, so that effects have the keys they had: even a store would do none of them again.
            root=f"{ROOT}{name}",
            chain=(),
            teams=(),
            limits=limits.model_copy(update={"ends": NEVER}),
            expires=now + plan.patience.total_seconds(),
            started=now,
            approval="",
            entities=(),
            held=(),
            dry=True,
            harmless=self._dry_runs.effect_of(real.address.service, real.address.operation) == "read",
            copies=f"{wanted.workflow_id}\n{wanted.run_id}",
        )

    async def _start(
        self,
        client: Client,
        started: WorkflowExecutionStartedEventAttributes,
        order: Order,
        call: Call,
        version: WorkerDeploymentVersion,
    ) -> WorkflowHandle[Any, RawValue]:  # Any: of no known workflow
        workflow_id, plan = f"{order.wanted.workflow_id}-{call.root}", order.plan
        payloads = await decoded(client, started.input.payloads)
        # A second attempt meets what the first one started.
        with mesh.working_on(call), suppress(WorkflowAlreadyStartedError):
            await client.start_workflow(
                started.workflow_type.name,
                args=[RawValue(each) for each in payloads],
                id=workflow_id,
                task_queue=started.task_queue.name,
                execution_timeout=plan.patience,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                versioning_override=PinnedVersioningOverride(version),
                memo={ARM: f"{plan.id} {order.wanted.workflow_id}"},
            )
        return client.get_workflow_handle(workflow_id, result_type=RawValue)

    def _intended(self, asked: Asked) -> dict[str, object] | None:
        """Return what a copy wanted done, if that has an effect."""
        if asked.name != REPEAT:
            return None if asked.kind == "operation" else {"do": asked.name, "with": content_of(asked.input)}
        repeat = Repeat.model_validate(content_of(asked.input))
        if self._dry_runs.effect_of(repeat.service, repeat.operation) == "read":
            return None
        return {"do": f"{repeat.service}.{repeat.operation}", "with": repeat.input}

    def _only_reads(self, asked: Asked) -> bool:
        service, _, operation = asked.name.rpartition(".")
        return asked.kind == "operation" and self._dry_runs.effect_of(service, operation) == "read"


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(_BEAT)


async def _ending(handle: WorkflowHandle[Any, RawValue], plan: ShadowPlan) -> _Ending | None:  # Any: as above
    """Wait for the end of a run; None when it takes too long."""
    try:
        async with asyncio.timeout(plan.patience.total_seconds()):
            payload = (await handle.result()).payload
    except TimeoutError:
        return None
    except WorkflowFailureError as error:
        known, spent = from_failure(error, what="the run"), read_from_failure(error)
        outcome = "cancelled" if known is None else type(known).__name__
        # What nobody could answer in a dry run is told apart by where the effects differ.
        words = str(known) if known is not None and not isinstance(known, DryRunError) else None
        return _Ending(outcome, words, spent.cost_usd if spent else 0.0)
    told = read_from_answer(payload)
    return _Ending("ok", content_of([payload]), told.cost_usd if told else 0.0)


async def _versions(handle: WorkflowHandle[Any, RawValue]) -> frozenset[str]:  # Any: as above
    """Return the builds that did a run, as Temporal's search attributes have them."""
    described = await handle.describe()
    return frozenset(map(str, described.search_attributes.get("TemporalWorkerDeploymentVersion", [])))
