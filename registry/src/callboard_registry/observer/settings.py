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
from callboard_registry.audit.collector import REQUESTS_PER_SECOND
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

    keep_calls: timedelta = timedelta(days=30)
    """How long single call records are kept (`CALLBOARD_REGISTRY_KEEP_CALLS`, in days). Their sums stay for ever."""

    audit_requests: float = REQUESTS_PER_SECOND
    """How many requests a second the audit makes of Temporal at most (`CALLBOARD_AUDIT_REQUESTS`)."""

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
            keep_calls=timedelta(
                days=_number(variables, "CALLBOARD_REGISTRY_KEEP_CALLS", "30", what="days", least=1, most=3650)
            ),
            audit_requests=_number(
                variables, "CALLBOARD_AUDIT_REQUESTS", "50", what="requests a second", least=0.1, most=10_000
            ),
            descriptions=descriptions,
        )


def _seconds(variables: Mapping[str, str], name: str, default: str, *, least: float, most: float) -> timedelta:
    return timedelta(seconds=_number(variables, name, default, what="seconds", least=least, most=most))


def _number(variables: Mapping[str, str], name: str, default: str, *, what: str, least: float, most: float) -> float:
    text = variables.get(name) or default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise SettingsError(f"{name} is {text!r}; it must be a number of {what}, {least:g} to {most:g}")
    return number
