"""What whoever starts a workflow tells it of the world outside, so that it need not look itself."""

from datetime import timedelta
from typing import Final, NamedTuple

LONGEST_AGE: Final = timedelta(seconds=60)
"""How long an endpoint that existed is believed to exist."""


class Seen(NamedTuple):
    """Endpoints that existed at a moment."""

    names: tuple[str, ...] = ()
    at: float = 0.0
    """In seconds since the epoch."""

    def still(self, endpoint: str, now: float) -> bool:
        """Tell whether an endpoint is known to exist by what was seen not too long before `now`."""
        return endpoint in self.names and abs(now - self.at) < LONGEST_AGE.total_seconds()
