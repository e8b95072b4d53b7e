"""Which mesh a command speaks to: the one its environment names, else the one that runs in the home."""

import os
from collections.abc import Mapping
from typing import Final

from callboard.command.terminal import home
from callboard.failures import CommandError

_NAMES_A_CLUSTER: Final = ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE")


def join_mesh(*, need_temporal: bool = True) -> None:
    """Set this process's environment so that `Settings` and `connect` find the mesh.

    Variables that are set already win, one by one. When they name a cluster, nothing that runs in the home is looked
    at.

    Raises:
        CommandError: Neither the environment nor the home knows of a mesh.
    """
    if any(name in os.environ for name in _NAMES_A_CLUSTER):
        return
    if not need_temporal and "CALLBOARD_REGISTRY" in os.environ:
        return
    from callboard.stack.lifecycle import running

    found = running(home())
    if found is None:
        raise CommandError(
            f"no mesh runs in {str(home())!r}; start one with 'callboard up', or set TEMPORAL_ADDRESS and"
            " CALLBOARD_REGISTRY"
        )
    for name, value in found.environment.items():
        os.environ.setdefault(name, value)


def join_only(environment: Mapping[str, str]) -> None:
    """Make this process a part of the mesh that `environment` describes, whatever it was told before."""
    for name in [name for name in os.environ if name.startswith(("TEMPORAL_", "CALLBOARD_"))]:
        del os.environ[name]
    os.environ.update(environment)


def registry_address() -> str:
    """Return where the registry of the mesh is.

    Raises:
        CommandError: Nothing says where.
    """
    join_mesh(need_temporal=False)
    address = os.environ.get("CALLBOARD_REGISTRY")
    if not address:
        raise CommandError("it is not known where the registry is; set CALLBOARD_REGISTRY to its host:port")
    return address
