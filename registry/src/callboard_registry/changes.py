"""Everything that happened to what the registry holds, in the order in which it became visible."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import Connection

from callboard_registry.tables import changes
from callboard_registry_api.model import State

Kind = Literal["published", "reworded", "moved", "policy", "key"]

ADMINISTRATOR: Final = "administrator"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that happened."""

    kind: Kind
    team: str
    """Whose: the team that owns the service, policy or key."""

    subject: str
    """The service or the key that changed; the team for a policy."""

    detail: str = ""
    """Which revision or version."""

    state: State | str = ""
    """What it is now."""

    author: str
    """Who did it: a team, the administrator or the registry itself."""

    reason: str = ""


def note(connection: Connection, change: Change) -> None:
    """Write a change down in the transaction that makes it."""
    connection.execute(changes.insert().values(at=datetime.now(UTC), **vars(change)))
