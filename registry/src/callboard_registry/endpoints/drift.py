"""Where the cluster's endpoints differ from the wanted ones, and how they are put right."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.api.nexus.v1 import Endpoint
from temporalio.client import Client

from callboard_kit.provision import EndpointPlan, described_as, ensure_endpoint
from callboard_registry.endpoints.wanted import Wanted
from callboard_registry.seen import SeenDrift, SeenEndpoint
from callboard_registry_api.health import DriftKind

OUTSIDE: Final = "(outside)"
"""Stands for the namespace of an endpoint that leads out of the cluster."""

_CANARY: Final = "-canary"


@dataclass(frozen=True)
class Compared:
    """One endpoint: as it should be, as it is, and what became of comparing the two."""

    wanted: Wanted | None
    """None: nothing asks for it."""

    known: Endpoint | None
    """None: it is not there."""

    seen: SeenEndpoint

    @property
    def kinds(self) -> frozenset[DriftKind]:
        """In what they differ."""
        return frozenset(each.kind for each in self.seen.drift)


def compare(wanted: Mapping[str, Wanted], known: Mapping[str, Endpoint]) -> dict[str, Compared]:
    """Return every endpoint that is there or should be, by its name."""
    return {name: _compared(name, wanted, known.get(name)) for name in sorted({*wanted, *known})}


async def put_right(client: Client, endpoints: Iterable[Compared], kinds: Sequence[DriftKind]) -> list[str]:
    """Put right what differs in one of `kinds`, and return the names of the endpoints that were changed.

    Raises:
        callboard_kit.provision.ProvisionError: The cluster refused.
    """
    changed: list[str] = []
    for each in endpoints:
        if each.wanted is None or not each.kinds & {*kinds}:
            continue
        # What is not to be put right stays as it is.
        move = each.known is None or "target" in kinds
        plan = EndpointPlan(
            name=each.wanted.name,
            namespace=each.wanted.namespace if move else each.seen.namespace,
            task_queue=each.wanted.task_queue if move else each.seen.task_queue,
            description=each.wanted.description,
            redescribe="description" in kinds,
        )
        if await ensure_endpoint(client, plan, each.known) != "kept":
            changed.append(plan.name)
    return changed


def _compared(name: str, wanted: Mapping[str, Wanted], known: Endpoint | None) -> Compared:
    want = wanted.get(name)
    namespace, task_queue = _target(known)
    drift: list[SeenDrift] = []
    if known is None:
        assert want is not None, "it is there or it is wanted"
        # A team that offers nothing does without.
        if want.services:
            words = f"{', '.join(want.services)} can be called by nobody: make it"
            drift.append(SeenDrift(kind="missing", words=words))
    elif want is not None:
        drift = _differences(want, known, f"{namespace}/{task_queue}")
    elif name.removesuffix(_CANARY) not in wanted:
        words = "no listing and no team has its name: find out who made it, or delete it"
        drift.append(SeenDrift(kind="unlisted", words=words))
    return Compared(
        want,
        known,
        SeenEndpoint(
            namespace=namespace,
            task_queue=task_queue,
            wanted_namespace=want.namespace if want else "",
            wanted_task_queue=want.task_queue if want else "",
            services=want.services if want else (),
            drift=tuple(drift),
        ),
    )


def _differences(want: Wanted, known: Endpoint, target: str) -> list[SeenDrift]:
    found: list[SeenDrift] = []
    if target != f"{want.namespace}/{want.task_queue}":
        words = f"it leads to {target} instead of {want.namespace}/{want.task_queue}"
        found.append(SeenDrift(kind="target", words=words))
    if want.services and known.spec.description != described_as(want.description):
        words = "its description does not say what the listings say"
        found.append(SeenDrift(kind="description", words=words))
    return found


def _target(known: Endpoint | None) -> tuple[str, str]:
    if known is None:
        return "", ""
    target = known.spec.target
    if target.HasField("worker"):
        return target.worker.namespace, target.worker.task_queue
    return OUTSIDE, target.external.url
