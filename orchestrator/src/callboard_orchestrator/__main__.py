"""Run the orchestrator's worker: `python -m callboard_orchestrator`."""

from datetime import timedelta
from functools import partial

from callboard_kit import serve
from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.settings import Settings
from callboard_orchestrator.catalog import Catalog
from callboard_orchestrator.workflows import Orchestrate, Relocate
from callboard_registry_api.client import RegistryClient

if __name__ == "__main__":
    settings = Settings.from_environment()
    model = ModelEndpoint(ModelSettings.from_environment())
    catalog = Catalog(
        # Made by the first activity: it belongs to the loop that the worker runs. Without an address `serve` refuses.
        # It must not keep a run waiting for long: an answer that is a little old will do.
        connect=partial(RegistryClient, settings.registry_address or "", timeout=timedelta(seconds=2)),
        cache=settings.home / "cache" / "orchestrator.catalog.json",
        team="orchestrator",
        profile=settings.profile,
    )
    serve(
        package="callboard_orchestrator",
        workflows=[Orchestrate, Relocate],
        activities=[model.call_model, catalog.offered_operations, catalog.find_operations],
    )
