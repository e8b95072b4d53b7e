"""The Nexus handlers of `inventory.v1`."""

import asyncio

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus

from callboard_contracts import Assistance, Goal, Nothing
from callboard_contracts.inventory import v1 as inventory
from callboard_kit import mesh
from callboard_team_inventory.store import ProductStore
from callboard_team_inventory.workflows import Assist


@service_handler(service=inventory.Inventory)
class InventoryService:
    """Serves `inventory.v1`."""

    def __init__(self, store: ProductStore) -> None:
        self._store = store

    @sync_operation
    async def list_all_product_types(self, _ctx: StartOperationContext, _nothing: Nothing) -> inventory.ProductTypes:
        """Read every product's name and id."""
        return await asyncio.to_thread(self._store.product_types)

    @sync_operation
    async def get_product_details(self, _ctx: StartOperationContext, which: inventory.ProductId) -> inventory.Product:
        """Read a product with all its variants."""
        return await asyncio.to_thread(self._store.product, which.product_id)

    @sync_operation
    async def get_item_details(self, _ctx: StartOperationContext, which: inventory.ItemId) -> inventory.Variant:
        """Read one variant."""
        return await asyncio.to_thread(self._store.variant, which.item_id)

    @nexus.workflow_run_operation
    async def assist(self, ctx: nexus.WorkflowRunOperationContext, goal: Goal) -> nexus.WorkflowHandle[Assistance]:
        """Start one `Assist` per call."""
        return await mesh.start_workflow(ctx, Assist.run, goal)
