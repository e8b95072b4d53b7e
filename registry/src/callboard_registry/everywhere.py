"""What every living worker of a service has: an operation that only some builds know is not offered yet."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from sqlalchemy import Connection, select, tuple_

from callboard_kit.settings import CANARY
from callboard_registry.health.service import MISSED
from callboard_registry.tables import operations, workers

Served = frozenset[tuple[str, str]]
"""Services and digests."""

_LONGEST: Final = timedelta(hours=4)
"""What was not heard of for so long is not there, however seldom it tells."""


def served_now(connection: Connection) -> Served:
    """Return the revisions that some living worker serves; canaries, which nobody calls by chance, do not count."""
    now = datetime.now(UTC)
    query = select(workers.c.serves, workers.c.task_queue, workers.c.seen, workers.c.every).where(
        workers.c.stopped.is_(None), workers.c.seen > now - _LONGEST
    )
    found: set[tuple[str, str]] = set()
    for row in connection.execute(query).all():
        silent = now - cast(datetime, row.seen)
        if row.task_queue.endswith(CANARY) or silent > MISSED * timedelta(microseconds=row.every):
            continue
        for line in cast(str, row.serves).splitlines():
            service, _, digest = line.partition(" ")
            found.add((service, digest))
    return frozenset(found)


def named_in_all(connection: Connection, served: Served) -> Mapping[str, frozenset[str]]:
    """Return by service which operations all of its revisions have that are served; nothing for one that is not."""
    if not served:
        return {}
    by_revision: dict[tuple[str, str], set[str]] = {}
    query = select(operations.c.service, operations.c.digest, operations.c.name).where(
        tuple_(operations.c.service, operations.c.digest).in_(sorted(served))
    )
    for row in connection.execute(query).all():
        by_revision.setdefault((row.service, row.digest), set()).add(row.name)
    found: dict[str, frozenset[str]] = {}
    for (service, _), names in by_revision.items():
        found[service] = found.get(service, frozenset(names)) & names
    return found
