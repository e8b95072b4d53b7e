"""Connects to Temporal as a team: the address from Temporal's own configuration, the identity from the team's key.

The address, TLS, API key and profile come from `temporalio.envconfig` (`TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE`, … and
Temporal's configuration file), so the same process runs against a laptop's server, a cluster or Temporal Cloud.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

from temporalio.client import Client, Plugin
from temporalio.envconfig import ClientConfigProfile
from temporalio.runtime import Runtime

from callboard_kit.directory import Directory
from callboard_kit.fingerprint.checking import DriftCheck
from callboard_kit.hooks.declaring import HookGroup
from callboard_kit.identity import SigningKey
from callboard_kit.plugin import MeshPlugin
from callboard_kit.records import Recorder
from callboard_kit.settings import Settings, SettingsError
from callboard_kit.telemetry import tracing_plugins
from callboard_kit.trials.following import Trials

DEFAULT_ADDRESS: Final = "localhost:7233"


class ConnectError(Exception):
    """There is no getting through to Temporal; the message says where it was looked for."""


class KeyFileError(Exception):
    """The team's private key is not there or cannot be used; the message says where it should be."""


def load_key(team: str, settings: Settings) -> SigningKey:
    """Return the team's private key.

    Raises:
        KeyFileError: There is none, or it is no Ed25519 key.
    """
    path: Path = settings.key_path(team)
    try:
        return SigningKey.load(path, team=team)
    except FileNotFoundError as error:
        raise KeyFileError(
            f"team {team!r} has no key at {str(path)!r}; `callboard up` makes one, or set CALLBOARD_KEY_FILE"
        ) from error
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{str(path)!r} holds no Ed25519 private key in PEM") from error


async def connect(
    team: str,
    *,
    settings: Settings | None = None,
    key: SigningKey | None = None,
    directory: Directory | None = None,
    services: Iterable[type] = (),
    recorder: Recorder | None = None,
    transient: tuple[type[BaseException], ...] = (),
    search_attributes: bool = False,
    ordered_by_store: Collection[str] = (),
    drift: DriftCheck | None = None,
    hooks: Sequence[HookGroup] = (),
    trials: Trials | None = None,
    plugins: Sequence[Plugin] = (),
    runtime: Runtime | None = None,
) -> Client:
    """Return a client of the team's own namespace with the `MeshPlugin`.

    The arguments after `key` are the plugin's; a client that only calls needs none of them. `plugins` come after it.

    Raises:
        SettingsError: Temporal's variables or its configuration file cannot be used.
        ConnectError: Temporal does not answer, or does not let this client in.
        KeyFileError: The team's key is missing.
    """
    settings = settings or Settings.from_environment()
    try:
        config = ClientConfigProfile.load().to_client_connect_config()
    except (RuntimeError, ValueError) as error:
        raise SettingsError(f"Temporal's own configuration cannot be used: {error}") from error
    config["target_host"] = address = config.get("target_host") or DEFAULT_ADDRESS
    config["namespace"] = os.environ.get("TEMPORAL_NAMESPACE") or settings.namespace(team)
    plugin = MeshPlugin(
        key or load_key(team, settings),
        settings=settings,
        directory=directory,
        services=services,
        recorder=recorder,
        transient=transient,
        search_attributes=search_attributes,
        ordered_by_store=ordered_by_store,
        drift=drift,
        hooks=hooks,
        trials=trials,
    )
    try:
        return await Client.connect(**config, plugins=[plugin, *plugins, *tracing_plugins()], runtime=runtime)
    except RuntimeError as error:
        raise ConnectError(
            f"no Temporal answers at {address!r}; start one with `callboard up`, or set TEMPORAL_ADDRESS"
        ) from error
