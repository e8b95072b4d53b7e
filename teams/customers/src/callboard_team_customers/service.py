"""The Nexus handlers of `customers.v1`."""

import asyncio

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus

from callboard_contracts import Assistance, Goal
from callboard_contracts.conversations import Contribution, Turn
from callboard_contracts.customers import v1 as customers
from callboard_kit import mesh
from callboard_team_customers.store import CustomerStore
from callboard_team_customers.workflows import Assist, Converse, GetUserDetails, ModifyUserAddress


@service_handler(service=customers.Customers)
class CustomersService:
    """Serves `customers.v1`."""

    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    @sync_operation
    async def find_user_id_by_email(
        self, _ctx: StartOperationContext, address: customers.EmailAddress
    ) -> customers.UserId:
        """Read who has this e-mail address."""
        return await asyncio.to_thread(self._store.find_by_email, address.email)

    @sync_operation
    async def find_user_id_by_name_zip(
        self, _ctx: StartOperationContext, who: customers.NameAndZip
    ) -> customers.UserId:
        """Read who has this name and lives there."""
        return await asyncio.to_thread(self._store.find_by_name_and_zip, who)

    @sync_operation
    async def list_order_news(self, _ctx: StartOperationContext, who: customers.UserId) -> customers.OrderNews:
        """Read what became of the customer's orders."""
        return await asyncio.to_thread(self._store.news, who.user_id)

    @nexus.workflow_run_operation
    async def get_user_details(
        self, ctx: nexus.WorkflowRunOperationContext, who: customers.UserId
    ) -> nexus.WorkflowHandle[customers.Customer]:
        """Start one `GetUserDetails` per call."""
        return await mesh.start_workflow(ctx, GetUserDetails.run, who)

    @nexus.workflow_run_operation
    async def modify_user_address(
        self, ctx: nexus.WorkflowRunOperationContext, change: customers.AddressChange
    ) -> nexus.WorkflowHandle[customers.Customer]:
        """Start one `ModifyUserAddress` per call."""
        return await mesh.start_workflow(ctx, ModifyUserAddress.run, change)

    @nexus.workflow_run_operation
    async def assist(self, ctx: nexus.WorkflowRunOperationContext, goal: Goal) -> nexus.WorkflowHandle[Assistance]:
        """Start one `Assist` per call."""
        return await mesh.start_workflow(ctx, Assist.run, goal)

    @nexus.workflow_run_operation
    async def converse(self, ctx: nexus.WorkflowRunOperationContext, turn: Turn) -> nexus.WorkflowHandle[Contribution]:
        """Start one `Converse` per call."""
        return await mesh.start_workflow(ctx, Converse.run, turn)
