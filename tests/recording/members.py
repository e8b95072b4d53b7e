"""Every room as a member of a mesh in one process, with a model that says what it was told to say."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio import activity

from callboard_contracts import describe
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import v1 as orders
from callboard_kit.agent import OperationTool
from callboard_kit.agent.messages import CALL_MODEL, ModelReply, ModelRequest
from callboard_kit.ambient import RemedyKeeper
from callboard_kit.conversations.activities import HistoryActivities
from callboard_kit.memory.activities import MemoryActivities
from callboard_kit.ports import free_ports
from callboard_kit.settings import Settings
from callboard_kit.teams import Team
from callboard_kit.testing import InMemoryHistory, InMemoryMemories, LocalMesh, ScriptedModel, calling
from callboard_orchestrator import workflows as orchestrating
from callboard_orchestrator.catalog import Catalog
from callboard_orchestrator.inbox import workflows as gates
from callboard_orchestrator.inbox.service import InboxService
from callboard_orchestrator.last_known import LastKnown
from callboard_orchestrator.watch import workflows as watching
from callboard_orchestrator.watch.activities import RunKeeper
from callboard_orchestrator.watch.service import OrchestratorService
from callboard_registry_api.client import RegistryClient
from callboard_team_billing import workflows as billing_workflows
from callboard_team_billing.activities import BillingActivities
from callboard_team_billing.service import BillingService
from callboard_team_billing.store import Ledger
from callboard_team_customers import following as customers_following
from callboard_team_customers import workflows as customers_workflows
from callboard_team_customers.activities import CustomerActivities
from callboard_team_customers.service import CustomersService
from callboard_team_customers.store import CustomerStore
from callboard_team_inventory import workflows as inventory_workflows
from callboard_team_inventory.service import InventoryService
from callboard_team_inventory.store import ProductStore
from callboard_team_orders import workflows as orders_workflows
from callboard_team_orders.activities import OrderActivities
from callboard_team_orders.service import OrdersService
from callboard_team_orders.store import OrderStore
from callboard_team_support import conversations as support_conversations
from callboard_team_support import workflows as support_workflows
from callboard_team_support.activities import SupportActivities
from callboard_team_support.service import SupportService
from callboard_team_support.store import HandoverStore
from tests.recording import shop


@dataclass(frozen=True)
class Room:
    """What a room brings to the mesh, and where its histories are kept."""

    team: str
    package: str
    histories: Path
    workflows: Sequence[type]
    services: Sequence[object] = ()
    activities: Sequence[Callable[..., Any]] = ()


def workflows_in(module: Any) -> list[type]:
    """Return the workflow classes that a module defines, in the order in which they stand there."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and hasattr(value, "__temporal_workflow_definition")
    ]


def rooms(home: Path, repository: Path) -> list[Room]:
    """Return every room, on stores in `home`."""
    url = Settings(home=home).store_url
    ledger, people, products, book, desk = (
        Ledger(url("billing")),
        CustomerStore(url("customers")),
        ProductStore(url("inventory")),
        OrderStore(url("orders")),
        HandoverStore(url("support")),
    )
    billing, customer, order, support = (
        BillingActivities(ledger),
        CustomerActivities(people),
        OrderActivities(book),
        SupportActivities(desk),
    )

    def room(team: str, workflows: Any, service: object, *activities: Callable[..., Any]) -> Room:
        return Room(
            team=team,
            package=f"callboard_team_{team}",
            histories=repository / "teams" / team / "tests" / "histories",
            workflows=[each for module in _modules(workflows) for each in workflows_in(module)],
            services=[service],
            activities=activities,
        )

    catalog, keeper = _catalog(home), RunKeeper()
    return [
        room("billing", billing_workflows, BillingService(ledger), billing.charge, billing.refund, billing.reverse),
        room(
            "customers",
            (customers_workflows, customers_following),
            CustomersService(people),
            customer.keep_news,
            customer.look_at_customer,
            customer.move_customer,
            _says("customers_v1__find_user_id_by_email", {"email": shop.EMAIL}),
        ),
        room(
            "inventory",
            inventory_workflows,
            InventoryService(products),
            _says("inventory_v1__get_item_details", {"item_id": shop.RED_MUG}),
        ),
        room(
            "orders",
            orders_workflows,
            OrdersService(book),
            order.look_at_order,
            order.write_order,
            _says("orders_v1__get_order_details", {"order_id": "#W1"}),
        ),
        room(
            "support",
            (support_workflows, support_conversations),
            SupportService(InMemoryHistory()),
            support.keep_case,
            *HistoryActivities(InMemoryHistory()).all,
            *MemoryActivities(InMemoryMemories()).all,
            _says("support_v1__calculate", {"expression": "12.5 + 13"}, "You are welcome."),
        ),
        Room(
            team="inbox",
            package="callboard_orchestrator.inbox",
            histories=repository / "orchestrator" / "tests" / "inbox" / "histories",
            workflows=workflows_in(gates),
            services=[InboxService()],
        ),
        Room(
            team="orchestrator",
            package="callboard_orchestrator",
            histories=repository / "orchestrator" / "tests" / "histories",
            workflows=[*workflows_in(orchestrating), *workflows_in(watching)],
            services=[OrchestratorService()],
            activities=[
                catalog.offered_operations,
                catalog.find_operations,
                catalog.open_operations,
                *RemedyKeeper().activities,
                keeper.long_runs,
                keeper.goes_on,
                keeper.stop_run,
                _orchestrates(),
            ],
        ),
    ]


@asynccontextmanager
async def on_stage(rooms: Sequence[Room]) -> AsyncGenerator[LocalMesh]:
    """Run a server and a worker of every room until the block ends."""
    async with LocalMesh.running(teams=[room.team for room in rooms]) as mesh, AsyncExitStack() as workers:
        for room in rooms:
            await workers.enter_async_context(
                mesh.member(
                    room.team,
                    services=room.services,
                    workflows=room.workflows,
                    activities=room.activities,
                    policy=Team.load(room.package).policy,
                )
            )
        yield mesh


def _modules(modules: Any) -> Sequence[Any]:
    return modules if isinstance(modules, tuple) else (modules,)


def _says(tool: str, arguments: dict[str, object], *later: str) -> Callable[..., Any]:
    """Return a model that calls one tool and then has done; `later` is what it says when it is spoken to again."""
    return ScriptedModel([calling(tool, arguments)], "Done.", *later).call_model


def _orchestrates() -> Callable[..., Any]:
    """Return a model that plans one case, and thinks that every finding of the watch is a matter for people."""
    plans = ScriptedModel(
        [calling("customers_v1__find_user_id_by_email", {"email": shop.EMAIL})],
        [calling("orders_v1__get_order_details", {"order_id": order_id}) for order_id in ("#W1", "#W5")],
        [
            calling("orders_v1__cancel_pending_order", {"order_id": order_id, "reason": "no longer needed"})
            for order_id in ("#W1", "#W5")
        ],
        "#W1 is cancelled; #W5 is delivered already.",
    )
    analyses = ScriptedModel('{"explanation": "It is odd.", "remedy": "raise_case", "confidence": 0.5}')

    @activity.defn(name=CALL_MODEL)
    async def call_model(request: ModelRequest) -> ModelReply:
        return await (plans if request.output is None else analyses).call_model(request)

    return call_model


def _catalog(home: Path) -> Catalog:
    """Return a catalog that goes by its cache: three operations, and no registry that could tell of more."""
    wanted = ("find_user_id_by_email", "get_order_details", "cancel_pending_order")
    tools = [
        tool
        for contract in (customers.Customers, orders.Orders)
        for tool in OperationTool.all_of(describe(contract))
        if tool.operation in wanted
    ]
    cache = home / "catalog.json"
    LastKnown(cache).keep("then", [tool.model_dump_json().encode() for tool in tools])
    [nobody] = free_ports(1)
    return Catalog(
        connect=lambda: RegistryClient(f"127.0.0.1:{nobody}").discovery,
        cache=cache,
        team="orchestrator",
        profile="production",
    )
