"""Takes a sample of the runs of a namespace: those under way, which a change can break, and some that are over."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from temporalio.client import Client, WorkflowHistory


@dataclass(frozen=True)
class Sample:
    """One run that was picked."""

    workflow: str
    """The workflow's type."""

    under_way: bool
    history: WorkflowHistory


async def sampled(client: Client, types: Sequence[str], *, each: int) -> AsyncIterator[Sample]:
    """Yield up to `each` runs under way and as many that are over of every type, the newest first.

    Runs under way of types that are not among `types` are yielded too: nothing could go on with those.
    """
    for kind in types:
        for under_way in (True, False):
            async for sample in _found(client, f"WorkflowType = '{kind}'", under_way=under_way, most=each):
                yield sample
    known = ", ".join(f"'{kind}'" for kind in types)
    others = f"WorkflowType NOT IN ({known})" if types else ""
    async for sample in _found(client, others, under_way=True, most=each):
        yield sample


async def _found(client: Client, which: str, *, under_way: bool, most: int) -> AsyncIterator[Sample]:
    status = f"ExecutionStatus {'=' if under_way else '!='} 'Running'"
    query = f"{which} AND {status}" if which else status
    async for run in client.list_workflows(query, limit=most):
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        yield Sample(run.workflow_type, under_way, history)
