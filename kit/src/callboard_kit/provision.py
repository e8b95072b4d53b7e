"""What a Temporal cluster must hold before members can work: namespaces, endpoints, search attributes.

Everything here may be run again, and by several at once: it makes what is missing, changes what differs, and leaves
the rest alone. Nothing is ever removed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeVar

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    CreateNexusEndpointRequest,
    ListNexusEndpointsRequest,
    ListSearchAttributesRequest,
    UpdateNexusEndpointRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.converter import JSONPlainPayloadConverter
from temporalio.service import RPCError, RPCStatusCode

SEARCH_ATTRIBUTES: Final = (
    "CallboardRoot",
    "CallboardCaller",
    "CallboardOperation",
    "CallboardEntity",
    "CallboardOutcome",
)
"""Keywords that every namespace of the mesh has: what audit and operators look calls up by."""

_RETENTION: Final = timedelta(days=7)
_Result = TypeVar("_Result")


class ProvisionError(Exception):
    """Something the cluster would not make, and why."""


@dataclass(frozen=True, kw_only=True)
class EndpointPlan:
    """A Nexus endpoint as it should be. Its name is for ever: renaming leaves callers retrying without end."""

    name: str
    namespace: str
    task_queue: str
    description: str = ""
    """Markdown, shown in Temporal's web interface; at most 20,000 bytes."""

    redescribe: bool = True
    """Whether a description that is there and differs is replaced. A new endpoint gets one in any case."""


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """What a run of `provision` changed. All empty: everything was as it should be."""

    namespaces: tuple[str, ...] = ()
    endpoints_created: tuple[str, ...] = ()
    endpoints_updated: tuple[str, ...] = ()
    search_attributes: tuple[str, ...] = ()
    """As `<namespace>/<name>`."""


async def provision(
    client: Client, *, namespaces: Sequence[str], endpoints: Sequence[EndpointPlan] = ()
) -> Provisioned:
    """Make what `namespaces` and `endpoints` ask for and the cluster lacks.

    Args:
        client: Connected with whatever rights the cluster asks for; its own namespace does not matter.
        namespaces: Physical names. Each also gets the mesh's search attributes.
        endpoints: Their namespaces need not be among `namespaces`.

    Raises:
        ProvisionError: The cluster refused something.
    """
    new = [name for name in namespaces if await _ensure_namespace(client, name)]
    added = [each for name in namespaces for each in await _ensure_search_attributes(client, name)]
    created, updated = list[str](), list[str]()
    known = await existing_endpoints(client)
    for plan in endpoints:
        match await ensure_endpoint(client, plan, known.get(plan.name)):
            case "created":
                created.append(plan.name)
            case "updated":
                updated.append(plan.name)
            case _:
                pass
    return Provisioned(
        namespaces=tuple(new),
        endpoints_created=tuple(created),
        endpoints_updated=tuple(updated),
        search_attributes=tuple(added),
    )


async def missing_search_attributes(client: Client) -> tuple[str, ...]:
    """Return which of the mesh's search attributes the client's namespace lacks; none when it may not ask."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        known = await client.operator_service.list_search_attributes(request)
    except RPCError as error:
        if error.status in {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}:
            return ()
        raise ProvisionError(f"search attributes of {client.namespace!r} cannot be read: {error.message}") from error
    return tuple(name for name in SEARCH_ATTRIBUTES if name not in known.custom_attributes)


async def _ensure_namespace(client: Client, name: str) -> bool:
    service = client.workflow_service
    try:
        await service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise ProvisionError(f"namespace {name!r} cannot be read: {error.message}") from error
    else:
        return False
    retention = Duration()
    retention.FromTimedelta(_RETENTION)
    try:
        await service.register_namespace(
            RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
        )
    except RPCError as error:
        if error.status != RPCStatusCode.ALREADY_EXISTS:
            raise ProvisionError(f"namespace {name!r} cannot be made: {error.message}") from error
        return False
    return True


async def _ensure_search_attributes(client: Client, namespace: str) -> list[str]:
    service = client.operator_service
    request = ListSearchAttributesRequest(namespace=namespace)
    # A namespace made a moment ago is not known to every part of the server yet.
    known = await _patiently(lambda: service.list_search_attributes(request), what=f"namespace {namespace!r}")
    held = () if known is None else known.custom_attributes
    missing = [name for name in SEARCH_ATTRIBUTES if name not in held]
    if missing:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        add = AddSearchAttributesRequest(namespace=namespace, search_attributes=dict.fromkeys(missing, keyword))
        await _patiently(
            lambda: service.add_search_attributes(add),
            what=f"search attributes of namespace {namespace!r}",
            fine=RPCStatusCode.ALREADY_EXISTS,
        )
    return [f"{namespace}/{name}" for name in missing]


async def ensure_endpoint(
    client: Client, plan: EndpointPlan, known: Endpoint | None
) -> Literal["created", "updated", "kept"]:
    """Make an endpoint as planned, and tell what that took.

    Args:
        client: With an operator's rights.
        plan: How it should be.
        known: How it is, as seen last; None when it was not there. Whatever changed since is looked at again.

    Raises:
        ProvisionError: The cluster refused, or somebody else keeps changing it.
    """
    service = client.operator_service
    what = f"endpoint {plan.name!r}"
    if known is None:
        create = CreateNexusEndpointRequest(spec=_spec(plan))
        response = await _patiently(
            lambda: service.create_nexus_endpoint(create), what=what, fine=RPCStatusCode.ALREADY_EXISTS
        )
        if response is not None:
            return "created"
        known = (await existing_endpoints(client)).get(plan.name)
    for _ in range(5):
        if known is None:
            return "kept"
        spec = _spec(plan)
        if not plan.redescribe and known.spec.HasField("description"):
            spec.description.CopyFrom(known.spec.description)
        if known.spec == spec:
            return "kept"
        update = UpdateNexusEndpointRequest(id=known.id, version=known.version, spec=spec)
        # Whoever updates with an old version is refused: look again at what the other one wrote.
        response = await _patiently(
            lambda update=update: service.update_nexus_endpoint(update),
            what=what,
            fine=RPCStatusCode.FAILED_PRECONDITION,
        )
        if response is not None:
            return "updated"
        known = (await existing_endpoints(client)).get(plan.name)
    raise ProvisionError(f"{what} keeps being changed by someone else")


async def existing_endpoints(client: Client) -> dict[str, Endpoint]:
    """Return every Nexus endpoint of the cluster by its name.

    Raises:
        temporalio.service.RPCError: Temporal is away, or does not let this client ask.
    """
    found: dict[str, Endpoint] = {}
    token = b""
    while True:
        page = await client.operator_service.list_nexus_endpoints(
            ListNexusEndpointsRequest(page_size=100, next_page_token=token)
        )
        found |= {each.spec.name: each for each in page.endpoints}
        token = page.next_page_token
        if not token:
            return found


def described_as(text: str) -> Payload | None:
    """Return a description as an endpoint holds it; None when there is none."""
    return JSONPlainPayloadConverter().to_payload(text) if text else None


def _spec(plan: EndpointPlan) -> EndpointSpec:
    description = described_as(plan.description)
    target = EndpointTarget(worker=EndpointTarget.Worker(namespace=plan.namespace, task_queue=plan.task_queue))
    return EndpointSpec(name=plan.name, description=description, target=target)


async def _patiently(
    call: Callable[[], Awaitable[_Result]], *, what: str, fine: RPCStatusCode | None = None
) -> _Result | None:
    """Return what `call` returns, or None for the status that is `fine`; try again while something is not known yet."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 15
    while True:
        try:
            return await call()
        except RPCError as error:
            if error.status == fine:
                return None
            passing = error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE) or (
                error.status == RPCStatusCode.FAILED_PRECONDITION and "namespace" in error.message.lower()
            )
            if not passing or loop.time() > deadline:
                raise ProvisionError(f"{what} cannot be made: {error.message}") from error
        await asyncio.sleep(0.2)
