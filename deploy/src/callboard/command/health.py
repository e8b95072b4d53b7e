"""How verdicts about services are shown, whichever command shows them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callboard_registry_api.client import RegistryClient
    from callboard_registry_api.health import ServiceHealth


async def health_by_service(registry: "RegistryClient") -> "dict[str, ServiceHealth]":
    """Return the registry's verdict about every service."""
    return {each.service: each async for each in registry.health.all()}


def in_a_word(health: "ServiceHealth | None") -> str:
    """Return a verdict for a column of a table; with a mark when the observer is away."""
    if health is None:
        return "unknown"
    return f"{health.verdict} (stale)" if health.stale else health.verdict


def in_lines(health: "ServiceHealth") -> list[str]:
    """Return a verdict with everything that is known about it."""
    workers = f"{health.workers} worker{'' if health.workers == 1 else 's'}"
    builds = f", build {', '.join(health.builds)}" if health.builds else ""
    age = "never looked at" if health.as_of is None else f"as of {health.as_of:%Y-%m-%d %H:%M:%S} UTC"
    stale = "; the observer is away, so it may be otherwise by now" if health.stale else ""
    return [
        f"{health.verdict}: {workers}{builds}, {age}{stale}",
        *(f"  {reason}" for reason in (*health.reasons, *health.remarks)),
    ]


def as_data(health: "ServiceHealth | None") -> dict[str, object] | None:
    """Return a verdict as JSON; null when there is none."""
    if health is None:
        return None
    return {
        "verdict": health.verdict,
        "reasons": list(health.reasons),
        "remarks": list(health.remarks),
        "as_of": None if health.as_of is None else health.as_of.isoformat(),
        "stale": health.stale,
        "workers": health.workers,
        "builds": list(health.builds),
    }
