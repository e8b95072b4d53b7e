"""Run the orchestrator's worker: `python -m callboard_orchestrator`."""

from datetime import timedelta

from callboard_kit import serve
from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.ambient import RemedyKeeper
from callboard_kit.client import load_key
from callboard_kit.publishing import registry_signature
from callboard_kit.registry import registry_client
from callboard_kit.settings import Settings
from callboard_orchestrator.catalog import Catalog
from callboard_orchestrator.watch.activities import RunKeeper
from callboard_orchestrator.watch.service import OrchestratorService
from callboard_orchestrator.watch.workflows import ANALYST, ApplyRemedy, Wake
from callboard_orchestrator.workflows import PLANNER, Orchestrate, Relocate
from callboard_registry_api.discovery import DiscoveryClient

TEAM = "orchestrator"

if __name__ == "__main__":
    settings = Settings.from_environment()

    def discovery() -> DiscoveryClient:
        """Connect to the registry, by whose address and key `serve` has started before anybody asks."""
        sign = registry_signature(load_key(TEAM, settings))
        # It must not keep a run waiting for long: an answer that is a little old will do.
        return registry_client(settings, sign=sign, timeout=timedelta(seconds=2)).discovery

    model = ModelEndpoint(ModelSettings.from_environment())
    catalog = Catalog(
        connect=discovery,
        cache=settings.home / "cache" / "orchestrator.catalog.json",
        team=TEAM,
        profile=settings.profile,
    )
    runs = RunKeeper()
    serve(
        package="callboard_orchestrator",
        services=[OrchestratorService()],
        workflows=[Orchestrate, Relocate, Wake, ApplyRemedy],
        alongside=[catalog],
        activities=[
            model.call_model,
            catalog.offered_operations,
            catalog.find_operations,
            catalog.open_operations,
            *RemedyKeeper().activities,
            runs.long_runs,
            runs.goes_on,
            runs.stop_run,
        ],
        agents=[PLANNER, ANALYST],
    )
