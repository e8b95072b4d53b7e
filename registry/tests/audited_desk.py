"""A desk that can be asked in every way that a call can go, and teams that ask it."""

import asyncio
from datetime import timedelta
from typing import Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus, workflow

from callboard_contracts import MeshError, Message, RefusedError, Usage, promise
from callboard_kit import Policy, Rule, mesh

SECRET: Final = "card-4711"


class Note(Message):
    """What is asked."""

    text: str
    card: str = SECRET
    onwards: tuple[str, ...] = ()
    """Operations to ask next, the first by whoever gets this, the next by whom that one asks."""


class Reply(Message):
    """What is answered."""

    text: str


class Advice(Message):
    """What an agent answers."""

    answer: str
    usage: Usage


def _query() -> "nexusrpc.Operation[Note, Reply]":
    return promise(
        kind="query",
        effect="read",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=20),
        sensitive={"card": "payment"},
    )


def _task() -> "nexusrpc.Operation[Note, Reply]":
    return promise(
        kind="task",
        effect="read",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=60),
        entity="text",
        sensitive={"card": "payment"},
    )


@nexusrpc.service(name="desk.v1")
class Desk:
    """Answers notes."""

    look: nexusrpc.Operation[Note, Reply] = _query()
    refuse: nexusrpc.Operation[Note, Reply] = _query()
    fail: nexusrpc.Operation[Note, Reply] = _query()
    closed: nexusrpc.Operation[Note, Reply] = _task()
    work: nexusrpc.Operation[Note, Reply] = _task()
    break_down: nexusrpc.Operation[Note, Reply] = _task()
    wait: nexusrpc.Operation[Note, Reply] = _task()
    pay: nexusrpc.Operation[Note, Reply] = promise(
        kind="task",
        effect="write",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=60),
        entity="card",
        sensitive={"card": "payment"},
    )
    advise: nexusrpc.Operation[Note, Advice] = promise(
        kind="agent", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=60)
    )


@workflow.defn
class Work:
    """Does what is asked, asks onwards first, and goes on in a second run when told."""

    @workflow.run
    async def run(self, note: Note) -> Reply:
        if note.text == "again":
            workflow.continue_as_new(note.model_copy(update={"text": "once more"}))
        if note.onwards:
            operation, *others = note.onwards
            team = {"desk": "broker", "broker": "desk"}[workflow.info().namespace]
            client = workflow.create_nexus_client(service=Desk, endpoint=team)
            return await client.execute_operation(getattr(Desk, operation), Note(text="next", onwards=tuple(others)))
        return Reply(text=f"did {note.text}")


@workflow.defn
class BreakDown:
    """Never does what is asked, and says why in words that quote the input."""

    @workflow.run
    async def run(self, note: Note) -> Reply:
        raise RefusedError(f"the card {note.card!r} is not good for {note.text!r}")


@workflow.defn
class Wait:
    """Waits until it is cancelled."""

    @workflow.run
    async def run(self, note: Note) -> Reply:
        await asyncio.Event().wait()
        return Reply(text="never")


@workflow.defn
class Advise:
    """Answers like an agent: with what it used."""

    @workflow.run
    async def run(self, note: Note) -> Advice:
        usage = Usage(input_tokens=120, output_tokens=30, model_calls=2, tool_calls=1, cost_usd=0.25)
        return Advice(answer=note.text, usage=usage)


@service_handler(service=Desk)
class DeskService:
    """Serves `desk.v1`."""

    @sync_operation
    async def look(self, ctx: StartOperationContext, note: Note) -> Reply:
        return Reply(text=note.text)

    @sync_operation
    async def refuse(self, ctx: StartOperationContext, note: Note) -> Reply:
        raise RefusedError(f"nothing for {note.card!r}")

    @sync_operation
    async def fail(self, ctx: StartOperationContext, note: Note) -> Reply:
        raise MeshError("the desk is full")

    @sync_operation
    async def closed(self, ctx: StartOperationContext, note: Note) -> Reply:
        return Reply(text="nobody gets here")

    @nexus.workflow_run_operation
    async def work(self, ctx: nexus.WorkflowRunOperationContext, note: Note) -> nexus.WorkflowHandle[Reply]:
        return await mesh.start_workflow(ctx, Work.run, note)

    @nexus.workflow_run_operation
    async def break_down(self, ctx: nexus.WorkflowRunOperationContext, note: Note) -> nexus.WorkflowHandle[Reply]:
        return await mesh.start_workflow(ctx, BreakDown.run, note)

    @nexus.workflow_run_operation
    async def wait(self, ctx: nexus.WorkflowRunOperationContext, note: Note) -> nexus.WorkflowHandle[Reply]:
        return await mesh.start_workflow(ctx, Wait.run, note)

    @nexus.workflow_run_operation
    async def pay(self, ctx: nexus.WorkflowRunOperationContext, note: Note) -> nexus.WorkflowHandle[Reply]:
        return await mesh.start_workflow(ctx, Work.run, note)

    @nexus.workflow_run_operation
    async def advise(self, ctx: nexus.WorkflowRunOperationContext, note: Note) -> nexus.WorkflowHandle[Advice]:
        return await mesh.start_workflow(ctx, Advise.run, note)


class Errand(Message):
    """A call to make."""

    operation: str
    note: Note = Note(text="tea")
    team: str = "desk"
    seconds: float = 30
    take_back: bool = False
    """Whether to cancel it when it has begun."""


@workflow.defn
class Ask:
    """Makes calls, one after another, and tells how each ended."""

    @workflow.run
    async def run(self, errands: tuple[Errand, ...]) -> list[str]:
        return [await self._one(errand) for errand in errands]

    async def _one(self, errand: Errand) -> str:
        client = workflow.create_nexus_client(service=Desk, endpoint=errand.team)
        try:
            handle = await client.start_operation(
                getattr(Desk, errand.operation),
                errand.note,
                schedule_to_close_timeout=timedelta(seconds=errand.seconds),
            )
            if errand.take_back:
                handle.cancel()
            await handle
        except MeshError as error:
            return type(error).__name__
        except asyncio.CancelledError:
            return "cancelled"
        except Exception as error:  # How a call ends is what is asked here, whatever it is.
            return type(error).__name__
        return "ok"


OPEN: Final = ("look", "refuse", "fail", "work", "break_down", "wait", "pay", "advise")
POLICY: Final = Policy(
    rules=(
        Rule(
            name="whoever-asks",
            callers=("buyer", "broker", "desk"),
            services=("desk.v1",),
            operations=OPEN,
            on_behalf_of=("*",),
        ),
    )
)
SERVING: Final = (Work, BreakDown, Wait, Advise)
