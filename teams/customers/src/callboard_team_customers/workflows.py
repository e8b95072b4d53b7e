"""The workflows behind the customers team's operations."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from temporalio import workflow

from callboard_contracts import Assistance, Goal
from callboard_contracts.billing import v1 as billing
from callboard_contracts.conversations import Contribution, Turn
from callboard_contracts.customers import v1 as customers
from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    from callboard_kit.assistance import room_agent, tools_of_room
    from callboard_kit.conversations.specialists import contribute
    from callboard_team_customers.activities import CustomerActivities, Move
    from callboard_team_customers.agent import INSTRUCTIONS, Registrar

# Orders are another team's business: this room asks about them when it is told of a change, its agent never.
TOOLS: Final = tuple(
    tool for tool in tools_of_room("callboard_team_customers", "customers.v1") if tool.service != "orders.v1"
)
AGENT: Final = room_agent("customers", instructions=INSTRUCTIONS, tools=TOOLS)

_ONE_TRY: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(seconds=25)


@workflow.defn
class GetUserDetails:
    """Puts together what is known about a customer."""

    @workflow.run
    async def run(self, who: customers.UserId) -> customers.Customer:
        """Look here, then ask billing."""
        return await _registrar().details(who.user_id)


@workflow.defn
class ModifyUserAddress:
    """Replaces a customer's own address."""

    @workflow.run
    async def run(self, change: customers.AddressChange) -> customers.Customer:
        """Ask billing, then change the address."""
        return await _registrar().change_address(change, key=mesh.effect_key())


@workflow.defn
class Assist:
    """Does what is asked in words about one customer."""

    @workflow.run
    async def run(self, goal: Goal) -> Assistance:
        """Let a model work on the goal with the team's tools."""
        return await AGENT.assist(goal)


@workflow.defn
class Converse:
    """Answers one message of another team's conversation."""

    @workflow.run
    async def run(self, turn: Turn) -> Contribution:
        """Let a model answer with the team's tools, or give the conversation back."""
        return await contribute(AGENT, turn)


class _Records:
    """The team's records, through activities."""

    async def look(self, user_id: str) -> customers.Customer:
        return await workflow.execute_activity_method(
            CustomerActivities.look_at_customer,
            customers.UserId(user_id=user_id),
            start_to_close_timeout=_ONE_TRY,
            schedule_to_close_timeout=_PATIENCE,
        )

    async def move(self, change: customers.AddressChange, *, key: str) -> customers.Customer:
        return await workflow.execute_activity_method(
            CustomerActivities.move_customer,
            Move(change=change, key=key),
            start_to_close_timeout=_ONE_TRY,
            schedule_to_close_timeout=_PATIENCE,
        )


class _BillingWallets:
    """Billing, over the mesh."""

    async def payment_methods(self, user_id: str) -> Mapping[str, billing.PaymentMethod]:
        team = workflow.create_nexus_client(service=billing.Billing, endpoint=billing.ENDPOINT)
        found = await team.execute_operation(
            billing.Billing.list_payment_methods,
            billing.Wallet(user_id=user_id),
            schedule_to_close_timeout=_PATIENCE,
        )
        return found.payment_methods


def _registrar() -> Registrar:
    return Registrar(people=_Records(), wallets=_BillingWallets())
