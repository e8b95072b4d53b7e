"""What the handlers of two builds serve: a ramp does not split what they answer, so they have to be alike.

Temporal sends every start of a Nexus operation to one build, whatever the ramp says; only the workflows behind are
split. An operation that the other build does not know would fail or not by chance.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from callboard.failures import CommandError
from callboard_contracts import ServiceDescription
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryNotFoundError
from callboard_registry_api.health import Worker

_SHOWN: Final = 12


def served_by(workers: Iterable[Worker], build: str, *, task_queue: str) -> Mapping[str, str]:
    """Return the services and their digests that a build's workers say they serve.

    Raises:
        CommandError: No worker of the build is there.
    """
    for each in workers:
        if (each.build, each.task_queue, each.state) == (build, task_queue, "alive"):
            return {one.service: one.digest for one in each.serves}
    raise CommandError(
        f"no worker of build {build!r} is there, as far as the registry has heard;"
        " 'callboard workers list --past' shows those that were"
    )


async def differences(registry: RegistryClient, old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return in what two builds' handlers differ, in words; nothing when they serve the same."""
    found: list[str] = []
    for service in sorted({*old, *new}):
        if service not in new:
            found.append(f"{service} is served by the old build only")
        elif service not in old:
            found.append(f"{service} is served by the new build only")
        elif old[service] != new[service]:
            before = await _operations(registry, service, old[service])
            after = await _operations(registry, service, new[service])
            found.extend(_differing(service, before, after))
    return found


def _differing(service: str, before: Mapping[str, object], after: Mapping[str, object]) -> Sequence[str]:
    gone, come = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    other = sorted(name for name in set(before) & set(after) if before[name] != after[name])
    lines = [
        *(f"{service} {name} is served by the old build only" for name in gone),
        *(f"{service} {name} is served by the new build only" for name in come),
        *(f"{service} {name} has another contract" for name in other),
    ]
    return lines[:_SHOWN] or [f"{service} is another revision"]


async def _operations(registry: RegistryClient, service: str, digest: str) -> Mapping[str, object]:
    """Return what a caller can observe of each operation of a revision; nothing when the registry lost it."""
    try:
        listing = await registry.get_listing(service, digest=digest)
    except RegistryNotFoundError:
        return {}
    return {
        each.name: (each.input, each.output, each.promise.model_dump(mode="json"))
        for each in ServiceDescription.model_validate_json(listing.document).operations
    }
