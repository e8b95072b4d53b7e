"""What a worker that holds conversations needs, looked at before it serves."""

from collections.abc import Callable, Iterable
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from callboard_contracts import ServiceDescription
from callboard_kit.conversations.activities import HistoryActivities


def history_fault(activities: Iterable[Callable[..., Any]]) -> str | None:  # Any: activities take and return anything
    """Return why a worker's activities cannot keep what is said; None when they can.

    A worker is one of several processes: another one goes on where it stopped. What only it remembers would be lost.
    """
    for activity in activities:
        owner: object = getattr(activity, "__self__", None)
        if isinstance(owner, HistoryActivities) and owner.history.fault is not None:
            return owner.history.fault
    return None


async def update_fault(client: Client, listings: Iterable[ServiceDescription]) -> str | None:
    """Return why the client's namespace cannot answer exchanges; None when it can, or has none to answer.

    Without the server's setting, an exchange that takes longer than a moment never reaches its caller, and nobody says.
    """
    exchanges = [
        f"{listing.service} {operation.name}"
        for listing in listings
        for operation in listing.operations
        if operation.promise.kind == "exchange"
    ]
    if not exchanges:
        return None
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    if described.namespace_info.capabilities.workflow_update_callbacks:
        return None
    return (
        f"{exchanges[0]} is answered by an update of a workflow, and namespace {client.namespace!r} does not call back "
        "when one is done: set history.enableUpdateCallbacks on the server (docs/conversations.md)"
    )
