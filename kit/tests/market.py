"""A market on a real server: a shop, its callers, and thieves without the plugin."""

import asyncio
import base64
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from google.protobuf.json_format import MessageToJson
from parts import (
    Ask,
    AskAndCancel,
    AskMany,
    Buy,
    Deliveries,
    Errand,
    Leak,
    Relay,
    Report,
    Rob,
    Shop,
    ShopService,
    Wait,
    Wish,
)
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import NexusOperationScheduledEventAttributes
from temporalio.api.operatorservice.v1 import ListNexusEndpointsRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from callboard_kit import Policy, Rule
from callboard_kit.identity import SigningKey
from callboard_kit.limits import Limits
from callboard_kit.testing import LocalMesh
from callboard_kit.tokens import TOKEN_HEADER, Address, Call
from callboard_registry_api.model import CallRecord

TEAMS = ("shop", "broker", "buyer", "browser", "thief")
SHOP_POLICY = Policy(
    rules=(
        Rule(
            name="browsers",
            callers=("browser",),
            services=("shop.v1",),
            operations=("look", "buy", "relay"),
            hide=("price",),
        ),
        Rule(name="buyers", callers=("buyer", "broker"), services=("shop.v1",)),
    )
)
OPEN_POLICY = Policy(rules=(Rule(name="all", callers=("*",), services=("shop.v1",), on_behalf_of=("*",)),))


@dataclass(frozen=True)
class Answer:
    """What Temporal's HTTP API answered."""

    status: int
    body: str


Forge = Callable[[str], dict[str, str]]
"""Makes headers up, given the id of the run that will send them."""


@dataclass
class Forger:
    """Makes up the headers that `Rob` sends, as the test says."""

    how: Forge = field(default=lambda _: {})

    @activity.defn
    async def forge(self, run_id: str) -> dict[str, str]:
        return self.how(run_id)


class Market:
    """The members, and how to make them do something."""

    def __init__(self, mesh: LocalMesh, http_port: int) -> None:
        self.mesh = mesh
        self._http_port = http_port
        self._shop_id = ""
        self.service = ShopService()
        self.deliveries = Deliveries()
        self.records: list[CallRecord] = []
        self.clients: dict[str, Client] = {}
        self.bare: dict[str, Client] = {}
        self._forgers: dict[str, Forger] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        mesh: LocalMesh,
        *,
        http_port: int = 0,
        teams: Sequence[str] = TEAMS,
        robbers: Sequence[str] = ("buyer", "broker", "thief"),
    ) -> AsyncGenerator["Market"]:
        """Open a market for `teams` on a mesh that has their namespaces."""
        market = cls(mesh, http_port)
        asking = (Ask, AskMany, AskAndCancel)

        async def keep(records: Sequence[CallRecord]) -> None:
            market.records.extend(records)

        async with AsyncExitStack() as stack:
            for team in teams:
                if team not in ("shop", "broker"):
                    market.clients[team] = await stack.enter_async_context(
                        mesh.member(team, workflows=asking, contracts=[Shop])
                    )
                    continue
                market.clients[team] = await stack.enter_async_context(
                    mesh.member(
                        team,
                        services=[market.service],
                        workflows=[Buy, Relay, Wait, Leak, *asking],
                        activities=[market.deliveries.deliver, market.deliveries.stumble],
                        policy=SHOP_POLICY if team == "shop" else OPEN_POLICY,
                        contracts=[Shop],
                        sinks=[keep],
                    )
                )
            for team in robbers:
                market.bare[team] = client = await mesh.bare_client(team)
                market._forgers[team] = forger = Forger()
                await stack.enter_async_context(
                    Worker(
                        client,
                        task_queue="robbers",
                        workflows=[Rob],
                        activities=[forger.forge],
                        workflow_runner=UnsandboxedWorkflowRunner(),
                    )
                )
            stack.callback(market.service.released.set)
            listed = await market.clients["buyer"].operator_service.list_nexus_endpoints(ListNexusEndpointsRequest())
            [market._shop_id] = [each.id for each in listed.endpoints if each.spec.name == "shop"]
            yield market

    def told_of(self, root: str) -> list[CallRecord]:
        """Return the records of one tree that have come in so far."""
        return [record for record in self.records if record.root == root]

    def key(self, team: str) -> SigningKey:
        return self.mesh.keys[team]

    async def ask(self, team: str, operation: str, input: object = None, **more: object) -> Report:
        """Have a workflow of `team` make a call."""
        return (await self.asked(team, operation, input, **more))[0]

    async def asked(self, team: str, operation: str, input: object = None, **more: object) -> tuple[Report, str]:
        """Have a workflow of `team` make a call; returns the workflow's id as well."""
        errand = Errand.model_validate({"operation": operation, **({"input": input} if input else {}), **more})
        name = f"ask-{uuid.uuid4().hex[:8]}"
        async with asyncio.timeout(60):
            report = await self.clients[team].execute_workflow(Ask.run, errand, id=name, task_queue=team)
        return report, name

    async def ask_many(
        self,
        team: str,
        operations: Sequence[str],
        input: Mapping[str, object] | None = None,
        *,
        limits: Limits | None = None,
        name: str = "",
        **more: object,
    ) -> list[tuple[str, str]]:
        """Have one workflow of `team` make calls at the same time; returns the errors and their words."""
        errands = [
            Errand.model_validate({"operation": each, **({"input": input} if input else {}), **more})
            for each in operations
        ]
        async with asyncio.timeout(60):
            reports = await self.clients[team].execute_workflow(
                AskMany.run, args=[errands, limits], id=name or f"many-{uuid.uuid4().hex[:8]}", task_queue=team
            )
        return [(report.error, report.words) for report in reports]

    async def rob(
        self, team: str, forge: Forge, operation: str = "look", input: object = None, **more: object
    ) -> Report:
        """Have a workflow in the namespace of `team`, without the plugin, call with made-up headers."""
        async with asyncio.timeout(60):
            return await (await self.start_robbing(team, forge, operation, input, **more)).result()

    async def start_robbing(
        self, team: str, forge: Forge, operation: str = "look", input: object = None, **more: object
    ) -> WorkflowHandle[Rob, Report]:
        self._forgers[team].how = forge
        errand = Errand.model_validate({"operation": operation, **({"input": input} if input else {}), **more})
        name = f"rob-{uuid.uuid4().hex[:8]}"
        return await self.bare[team].start_workflow(Rob.run, errand, id=name, task_queue="robbers")

    async def post(
        self,
        headers: Mapping[str, str],
        operation: str,
        input: Mapping[str, object],
        *,
        run_of: Mapping[str, str] | None = None,
        namespace: str = "buyer",
    ) -> Answer:
        """Call as anybody can who reaches Temporal's HTTP API: with any link and any request id.

        `run_of`: forge the link of the run that signed these headers.
        """
        run = "none" if run_of is None else str(claims_of(run_of[TOKEN_HEADER])["jti"]).partition(":")[0]
        link = (
            f"temporal:///namespaces/{namespace}/workflows/w/{run}/history?eventID=5&eventType=NexusOperationScheduled"
        )
        forged = {
            "content-type": "application/json",
            "nexus-link": f'<{link}>; type="temporal.api.common.v1.Link.WorkflowEvent"',
            "nexus-request-id": "chosen-by-the-forger",
        }
        data = json.dumps(input, separators=(",", ":")).encode()
        return await asyncio.to_thread(self._post, operation, {**forged, **headers}, data)

    async def post_cancellation(self, headers: Mapping[str, str], operation_token: str) -> Answer:
        """Cancel a running `wait` as anybody can who reaches Temporal's HTTP API."""
        return await asyncio.to_thread(
            self._post, "wait/cancel", {"nexus-operation-token": operation_token, **headers}, b""
        )

    def _post(self, path: str, headers: Mapping[str, str], data: bytes) -> Answer:
        url = f"http://127.0.0.1:{self._http_port}/nexus/endpoints/{self._shop_id}/services/shop.v1/{path}"
        request = urllib.request.Request(url, data=data, headers=dict(headers), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return Answer(response.status, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode())

    async def scheduled(self, team: str, workflow_id: str) -> NexusOperationScheduledEventAttributes:
        """Return the first operation in a history: what a thief finds who can read it."""
        history = await self.clients[team].get_workflow_handle(workflow_id).fetch_history()
        return next(
            event.nexus_operation_scheduled_event_attributes
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED
        )

    async def history(self, team: str, workflow_id: str) -> str:
        """Return a whole history as text, and what its payloads hold as it is: in JSON they would be base64."""
        history = await self.clients[team].get_workflow_handle(workflow_id).fetch_history()
        events = history.events
        return "".join(MessageToJson(event) + event.SerializeToString().decode(errors="replace") for event in events)


async def task_failure(handle: WorkflowHandle[Rob, Report]) -> str:
    """Wait for a robber's workflow task to fail over what it asked for; returns why."""
    for _ in range(200):
        for event in (await handle.fetch_history()).events:
            if event.HasField("workflow_task_failed_event_attributes"):
                return MessageToJson(event)
        await asyncio.sleep(0.05)
    raise AssertionError("the robber's workflow task did not fail")


def address(operation: str = "look", endpoint: str = "shop") -> Address:
    return Address(endpoint, "shop.v1", operation)


def sent(input: object) -> bytes:
    """Return the bytes that a caller sends for an input."""
    [payload] = PydanticPayloadConverter().to_payloads([input])
    return payload.data


def claims_of(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def root(team: str, **more: object) -> Call:
    return Call(root=f"tree-of-{team}", team=team, **more)


TEA = {"text": "tea"}
WISH = Wish(text="tea")
