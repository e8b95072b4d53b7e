"""Run the orders team's worker: `python -m callboard_team_orders`."""

from sqlalchemy.exc import OperationalError

from callboard_kit import serve
from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.settings import Settings
from callboard_team_orders import workflows
from callboard_team_orders.activities import OrderActivities
from callboard_team_orders.inspections import OrderInspections
from callboard_team_orders.service import OrdersService
from callboard_team_orders.store import OrderStore

if __name__ == "__main__":
    store = OrderStore(Settings.from_environment().store_url("orders"))
    activities = OrderActivities(store)
    inspections = OrderInspections(store)
    model = ModelEndpoint(ModelSettings.from_environment())
    serve(
        package="callboard_team_orders",
        services=[OrdersService(store)],
        workflows=[
            workflows.Assist,
            workflows.CancelPendingOrder,
            workflows.ExchangeDeliveredOrderItems,
            workflows.ModifyPendingOrderAddress,
            workflows.ModifyPendingOrderItems,
            workflows.ModifyPendingOrderPayment,
            workflows.ReturnDeliveredOrderItems,
        ],
        activities=[
            model.call_model,
            activities.look_at_order,
            activities.write_order,
            inspections.address_may_change,
            inspections.refund_within_limit,
        ],
        transient=(OperationalError,),
        agents=[workflows.AGENT],
        outbox=store.outbox,
    )
