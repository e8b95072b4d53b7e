"""A team whose agent thinks before it answers, and a team that asks it: parts for tests of traces."""

from datetime import timedelta

import nexusrpc
from nexusrpc.handler import service_handler
from parts import Gift, Wish
from temporalio import nexus, workflow

from callboard_contracts import promise
from callboard_kit import mesh
from callboard_kit.agent import agent_run


@nexusrpc.service(name="sage.v1")
class Sage:
    """Thinks before it answers."""

    think: nexusrpc.Operation[Wish, Gift] = promise(
        kind="agent", effect="read", latency=timedelta(seconds=5), longest=timedelta(seconds=60)
    )


@workflow.defn
class Think:
    @workflow.run
    async def run(self, wish: Wish) -> Gift:
        outcome = await agent_run(wish.text, instructions="Answer.", name="sage")
        return Gift(text=outcome.answer, root=mesh.current().root)


@workflow.defn
class Consult:
    @workflow.run
    async def run(self, text: str) -> Gift:
        sage = workflow.create_nexus_client(service=Sage, endpoint="sage")
        return await sage.execute_operation(Sage.think, Wish(text=text))


@service_handler(service=Sage)
class SageService:
    @nexus.workflow_run_operation
    async def think(self, ctx: nexus.WorkflowRunOperationContext, wish: Wish) -> nexus.WorkflowHandle[Gift]:
        return await mesh.start_workflow(ctx, Think.run, wish)
