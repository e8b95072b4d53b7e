"""What a person may do in the console: four roles, each for every team or for one."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["viewer", "approver", "publisher", "administrator"]
"""A viewer reads; an approver answers questions too; a publisher calls operations as their team, and moves its
revisions; an administrator may do all of it."""

ROLES: Final[tuple[Role, ...]] = ("viewer", "approver", "publisher", "administrator")

EVERY: Final = "*"
"""In a grant: every team."""

_INCLUDES: Final[dict[Role, frozenset[Role]]] = {
    "viewer": frozenset({"viewer"}),
    "approver": frozenset({"viewer", "approver"}),
    "publisher": frozenset({"viewer", "publisher"}),
    "administrator": frozenset(ROLES),
}
_TEAM: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}|\*")


@dataclass(frozen=True, order=True)
class Grant:
    """One role, for one team or for every team."""

    role: Role
    team: str = EVERY

    @classmethod
    def read(cls, text: str) -> "Grant":
        """Read `viewer`, `viewer:*` or `viewer:orders`.

        Raises:
            ValueError: It is none of these.
        """
        name, _, team = text.partition(":")
        role: Role | None = next((each for each in ROLES if each == name), None)
        if role is None or (":" in text and not _TEAM.fullmatch(team)):
            raise ValueError(f"{text!r} is no role; use {', '.join(ROLES)}, for one team as in 'approver:orders'")
        return cls(role, team or EVERY)

    def __str__(self) -> str:
        """Write it the way it is read."""
        return self.role if self.team == EVERY else f"{self.role}:{self.team}"

    def covers(self, role: Role, team: str | None) -> bool:
        """Tell whether it allows `role` for `team`; None: for any team at all."""
        return role in _INCLUDES[self.role] and (team is None or self.team in (EVERY, team))


@dataclass(frozen=True)
class Visitor:
    """A person who is signed in."""

    name: str
    grants: tuple[Grant, ...] = ()
    roles: tuple[str, ...] = ()
    """What lists of approvers call them: `finance`, where a list says `role:finance`."""

    def may(self, role: Role, team: str | None = None) -> bool:
        """Tell whether they have `role` for `team`; without a team, for any."""
        return any(grant.covers(role, team) for grant in self.grants)
