"""What the observer is told by its environment, read once when it starts."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig

from callboard_kit.client import DEFAULT_ADDRESS
from callboard_kit.settings import Settings as MemberSettings
from callboard_kit.settings import SettingsError
from callboard_registry.settings import database_url

Descriptions = Literal["apply", "report"]
"""Whether descriptions of endpoints that are out of date are written, or only told of."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where Temporal and the database are, and how often to look."""

    database: str = field(repr=False)
    """The registry's (`CALLBOARD_REGISTRY_DATABASE`)."""

    temporal: ClientConnectConfig = field(repr=False)
    """As Temporal's own variables and configuration file say. It must let this process read every namespace, and list
    and update endpoints."""

    members: MemberSettings
    """How logical names become physical ones (`CALLBOARD_NAMES`, `CALLBOARD_NAMESPACES`)."""

    every: timedelta = timedelta(seconds=10)
    """How long between two looks (`CALLBOARD_OBSERVER_INTERVAL`, in seconds)."""

    backlog: timedelta = timedelta(seconds=60)
    """How long a task may wait before its queue counts as congested (`CALLBOARD_OBSERVER_BACKLOG`, in seconds)."""

    descriptions: Descriptions = "apply"
    """What becomes of descriptions that are out of date (`CALLBOARD_OBSERVER_DESCRIPTIONS`)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables that start with `CALLBOARD_`, and Temporal's own.

        Raises:
            SettingsError: A variable cannot be used as it is.
        """
        variables = os.environ if environment is None else environment
        members = MemberSettings.from_environment(variables)
        members.home.mkdir(parents=True, exist_ok=True)
        try:
            temporal = ClientConfigProfile.load(override_env_vars=dict(variables)).to_client_connect_config()
        except (RuntimeError, ValueError) as error:
            raise SettingsError(f"Temporal's own configuration cannot be used: {error}") from error
        temporal.setdefault("target_host", DEFAULT_ADDRESS)
        descriptions = variables.get("CALLBOARD_OBSERVER_DESCRIPTIONS") or "apply"
        if descriptions not in ("apply", "report"):
            raise SettingsError(f"CALLBOARD_OBSERVER_DESCRIPTIONS is {descriptions!r}; use 'apply' or 'report'")
        return cls(
            database=database_url(variables, home=members.home),
            temporal=temporal,
            members=members,
            every=_seconds(variables, "CALLBOARD_OBSERVER_INTERVAL", "10", least=0.1, most=3600),
            backlog=_seconds(variables, "CALLBOARD_OBSERVER_BACKLOG", "60", least=0, most=86_400),
            descriptions=descriptions,
        )


def _seconds(variables: Mapping[str, str], name: str, default: str, *, least: float, most: float) -> timedelta:
    text = variables.get(name) or default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not least <= seconds <= most:
        raise SettingsError(f"{name} is {text!r}; it must be a number of seconds, {least:g} to {most:g}")
    return timedelta(seconds=seconds)
