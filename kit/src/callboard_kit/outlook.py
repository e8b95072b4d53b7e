"""What a caller is told of services that it calls and that are about to go.

Nexus carries nothing beside an operation's result back to its caller, so the caller's own worker asks the registry
where the services stand that it calls. Calls go on as they are: there is a line in the log, once for each operation,
and an attribute on the span of each call.
"""

import logging
from typing import Final, Protocol

from callboard_kit.standing import Standing

logger: Final = logging.getLogger(__name__)


class LooksAhead(Protocol):
    """Whoever knows where the services of other teams stand."""

    def outlook(self, service: str) -> Standing | None:
        """Return where a service stands as a whole; None when nothing is known of it."""
        ...


class Outlook:
    """Warns of calls to what is about to go. One for each process."""

    def __init__(self, directory: LooksAhead) -> None:
        self._directory = directory
        self._told: set[tuple[str, str, str]] = set()

    def note(self, service: str, operation: str) -> None:
        """Note that an operation is being called. Decides nothing, so that a workflow that is not replayed may."""
        standing = self._directory.outlook(service)
        if standing is None or not (warning := standing.warning(service)):
            return
        standing.mark(service)
        if (service, operation, warning) not in self._told:
            self._told.add((service, operation, warning))
            logger.warning("%s %s is called, and %s", service, operation, warning)
