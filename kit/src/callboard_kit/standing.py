"""Where what a team serves stands in its life, and what that means for whoever calls it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import opentelemetry.trace

from callboard_registry_api.model import Listing

GONE: Final = frozenset({"retired", "revoked"})
"""The states in which calls are refused."""


@dataclass(frozen=True)
class Standing:
    """What the registry said of one revision."""

    state: str
    sunset: datetime | None = None
    """Until when a deprecated revision answers; None when nothing was promised."""

    successor: str = ""
    """The service to call instead; empty when there is none."""

    @classmethod
    def of(cls, listing: Listing) -> "Standing":
        """Return what a listing says."""
        return cls(state=listing.state, sunset=listing.sunset, successor=listing.successor)

    @classmethod
    def kept(cls, written: Mapping[str, object]) -> "Standing":
        """Return what `to_keep` wrote.

        Raises:
            ValueError: It wrote something else.
        """
        state, sunset, successor = (written.get(name) for name in ("state", "sunset", "successor"))
        if not isinstance(state, str) or not isinstance(successor, str) or not isinstance(sunset, str | None):
            raise ValueError("a state of a listing cannot be read")
        return cls(state=state, sunset=datetime.fromisoformat(sunset) if sunset else None, successor=successor)

    def to_keep(self) -> dict[str, object]:
        """Return this as JSON."""
        sunset = None if self.sunset is None else self.sunset.isoformat()
        return {"state": self.state, "sunset": sunset, "successor": self.successor}

    def refusal(self, service: str) -> str | None:
        """Return what a caller of `service` is told instead of an answer; None when there is an answer."""
        if self.state not in GONE:
            return None
        instead = f"call {self.successor} instead" if self.successor else "nothing was named to call instead"
        return f"{service} was {self.state} and does not answer any more; {instead}"

    def warning(self, service: str) -> str:
        """Return what is noted of a call that is answered for the time being; empty when there is nothing to note."""
        if self.state != "deprecated":
            return ""
        until = f" and answers until {self.sunset.astimezone(UTC):%Y-%m-%d}" if self.sunset else ""
        instead = f"; call {self.successor} instead" if self.successor else ""
        return f"{service} is deprecated{until}{instead}"

    def mark(self, service: str) -> None:
        """Tell the span of the call, where there is one, that it should go elsewhere soon."""
        if warning := self.warning(service):
            span = opentelemetry.trace.get_current_span()
            span.set_attributes({"callboard.deprecated": True, "callboard.successor": self.successor})
            span.add_event("callboard.deprecated", {"callboard.service": service, "message": warning})


def noted(reason: str, standing: Standing | None, service: str) -> str:
    """Return the reason of a call record with what is to be noted of a call that is answered for the time being."""
    return "; ".join(filter(None, (reason, "" if standing is None else standing.warning(service))))
