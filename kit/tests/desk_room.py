"""Two teams whose operations act on entities and call each other: what the tests of locks lock."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import nexusrpc
from nexusrpc.handler import service_handler
from temporalio import nexus, workflow

from callboard_contracts import MeshError, Message, promise
from callboard_kit import mesh
from callboard_kit.entities.holding import let_go

SOON: Final = timedelta(seconds=30)


class Step(Message):
    """What a run does while it holds its entity, and after it."""

    team: str = ""
    """Call another operation: of this team; empty, wait instead."""

    operation: str = ""
    input: Mapping[str, Any] = {}
    wait: bool = False
    """Wait until told that it is enough."""

    sleep: float = 0
    let_go: bool = False
    """Hold nothing meanwhile."""

    at_once: bool = False
    """Do this step and the next at the same time."""

    seconds: float | None = None
    own_behalf: bool = False


class Job(Message):
    """Work on an entity."""

    record: str = ""
    records: tuple[str, ...] = ()
    secret: str = ""
    steps: tuple[Step, ...] = ()
    name: str = ""


class Done(Message):
    """What came of it."""

    fences: Mapping[str, int] = {}
    answers: tuple[str, ...] = ()


def _task(entity: str | None, effect: Any = "write") -> "nexusrpc.Operation[Job, Done]":
    return promise(
        kind="task",
        effect=effect,
        entity=entity,
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=60),
        sensitive={"secret": "payment"},
    )


@nexusrpc.service(name="left.v1")
class Left:
    """One team."""

    change: nexusrpc.Operation[Job, Done] = _task("record")
    change_all: nexusrpc.Operation[Job, Done] = _task("record:records")
    keep: nexusrpc.Operation[Job, Done] = _task("secret")
    read: nexusrpc.Operation[Job, Done] = _task("record", "read")
    plain: nexusrpc.Operation[Job, Done] = _task(None)


@nexusrpc.service(name="right.v1")
class Right:
    """Another team."""

    change: nexusrpc.Operation[Job, Done] = _task("record")
    change_all: nexusrpc.Operation[Job, Done] = _task("record:records")
    keep: nexusrpc.Operation[Job, Done] = _task("secret")
    read: nexusrpc.Operation[Job, Done] = _task("record", "read")
    plain: nexusrpc.Operation[Job, Done] = _task(None)


@workflow.defn
class Work:
    """Does a job's steps."""

    def __init__(self) -> None:
        self._enough = False
        self.reached = 0

    @workflow.run
    async def run(self, job: Job) -> Done:
        answers: list[str] = []
        steps = list(job.steps)
        while steps:
            together = [steps.pop(0)]
            while together[-1].at_once and steps:
                together.append(steps.pop(0))
            answers.extend(await asyncio.gather(*(self._do(step) for step in together)))
            self.reached += 1
        call = mesh.maybe_current()
        held = () if call is None else call.held
        return Done(fences={each.name: each.fence for each in held}, answers=tuple(answers))

    async def _do(self, step: Step) -> str:
        if step.let_go:
            async with let_go():
                return await self._do(step.model_copy(update={"let_go": False}))
        if step.wait:
            await workflow.wait_condition(lambda: self._enough)
            self._enough = False
            return "waited"
        if step.sleep:
            await workflow.sleep(step.sleep)
            return "slept"
        if step.own_behalf:
            with mesh.on_own_behalf():
                return await self._call(step)
        return await self._call(step)

    async def _call(self, step: Step) -> str:
        client = workflow.create_nexus_client(service=f"{step.team}.v1", endpoint=step.team)
        limit = None if step.seconds is None else timedelta(seconds=step.seconds)
        try:
            await client.execute_operation(
                step.operation, dict(step.input), output_type=Done, schedule_to_close_timeout=limit
            )
        except MeshError as error:
            return f"{type(error).__name__}: {error}"
        return "done"

    @workflow.signal
    def enough(self) -> None:
        self._enough = True

    @workflow.query
    def steps_done(self) -> int:
        return self.reached


def desk(contract: type) -> object:
    """Return the handler of one of the teams."""

    @service_handler(service=contract)
    class Desk:
        @nexus.workflow_run_operation
        async def change(self, ctx: nexus.WorkflowRunOperationContext, job: Job) -> nexus.WorkflowHandle[Done]:
            return await mesh.start_workflow(ctx, Work.run, job)

        @nexus.workflow_run_operation
        async def change_all(self, ctx: nexus.WorkflowRunOperationContext, job: Job) -> nexus.WorkflowHandle[Done]:
            return await mesh.start_workflow(ctx, Work.run, job)

        @nexus.workflow_run_operation
        async def keep(self, ctx: nexus.WorkflowRunOperationContext, job: Job) -> nexus.WorkflowHandle[Done]:
            return await mesh.start_workflow(ctx, Work.run, job)

        @nexus.workflow_run_operation
        async def read(self, ctx: nexus.WorkflowRunOperationContext, job: Job) -> nexus.WorkflowHandle[Done]:
            return await mesh.start_workflow(ctx, Work.run, job)

        @nexus.workflow_run_operation
        async def plain(self, ctx: nexus.WorkflowRunOperationContext, job: Job) -> nexus.WorkflowHandle[Done]:
            return await mesh.start_workflow(ctx, Work.run, job)

    return Desk()
