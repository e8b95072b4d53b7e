"""How a worker takes part in the trials of its team."""

from typing import Final

from callboard_kit.settings import Settings
from callboard_kit.trials.following import Trials
from callboard_kit.trials.shadow import ShadowStands
from callboard_kit.trials.standing import ExperimentStands
from callboard_registry_api.client import RegistryClient

TRIALS: Final[tuple[type, ...]] = (ExperimentStands, ShadowStands)
"""The workflows that stand for trials."""


def trials_of(team: str, settings: Settings, registry: RegistryClient) -> Trials | None:
    """Return what a worker does about its team's trials; None for one that no trial can be about.

    Builds have to be told apart, and the worker has to be one of the team's own: not a canary, nor a copy with a queue
    to itself.
    """
    deployment = settings.deployment(team)
    if not settings.versioned or deployment != team:
        return None

    async def alive() -> frozenset[str]:
        return frozenset([each.build async for each in registry.health.workers(team=team) if each.state == "alive"])

    return Trials(team, deployment, alive=alive)
