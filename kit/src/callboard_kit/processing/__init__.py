"""Events between teams, each handled exactly once: a team publishes what became of its records, and others follow.

- `outbox`, `relay`: what a team publishes, kept with the write it tells of until it stands in every follower's feed.
- `processor`, `consuming`: how a follower's events start or signal its workflows.
- `following`: a run's own side of the events it was started for.
- `dead`, `lag`: what could not be handled, and what is still to do.

This package itself imports nothing that a workflow may not.
"""

from callboard_kit.processing.following import Events, Following, handled
from callboard_kit.processing.model import FeedEvent

__all__ = ["Events", "FeedEvent", "Following", "handled"]
