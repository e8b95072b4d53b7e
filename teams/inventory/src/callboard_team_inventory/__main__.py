"""Run the inventory team's worker: `python -m callboard_team_inventory`."""

from sqlalchemy.exc import OperationalError

from callboard_kit import serve
from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.settings import Settings
from callboard_team_inventory.service import InventoryService
from callboard_team_inventory.store import ProductStore
from callboard_team_inventory.workflows import AGENT, Assist

if __name__ == "__main__":
    store = ProductStore(Settings.from_environment().store_url("inventory"))
    model = ModelEndpoint(ModelSettings.from_environment())
    serve(
        package="callboard_team_inventory",
        services=[InventoryService(store)],
        workflows=[Assist],
        activities=[model.call_model],
        transient=(OperationalError,),
        agents=[AGENT],
    )
