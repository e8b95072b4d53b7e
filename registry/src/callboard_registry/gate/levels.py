"""How strictly each team's revisions are compared with those in force."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from callboard_registry_api.verdicts import LEVELS, Level

STRICT: Final = "strict"


@dataclass(frozen=True)
class Strictness:
    """With which revisions in force a new one is compared, and how."""

    level: Level = "last"
    strict: bool = False
    """Whether writers are taken to send whatever their schema does not forbid, instead of what it declares."""


@dataclass(frozen=True)
class Levels:
    """The strictness of the registry, and of those teams that have one of their own."""

    default: Strictness = field(default=Strictness())
    of_teams: Mapping[str, Strictness] = field(default_factory=dict[str, Strictness])

    def of(self, team: str) -> Strictness:
        """Return how strictly this team's revisions are compared."""
        return self.of_teams.get(team, self.default)

    @classmethod
    def read(cls, text: str) -> "Levels":
        """Read `last`, `all`, `last+strict` or `all+strict`, and `team=…` for a team of its own; with commas between.

        Raises:
            ValueError: There is something else; the message names it.
        """
        default = Strictness()
        of_teams: dict[str, Strictness] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            team, separator, words = entry.rpartition("=")
            if separator and not team.strip():
                raise ValueError(f"{entry!r} names no team")
            strictness = _strictness(words.strip())
            if separator:
                of_teams[team.strip()] = strictness
            else:
                default = strictness
        return cls(default, of_teams)


def _strictness(words: str) -> Strictness:
    name, separator, more = words.partition("+")
    level: Level | None = next((each for each in LEVELS if each == name), None)
    if level is None or (separator and more != STRICT):
        raise ValueError(f"{words!r} is none of 'last', 'all', 'last+strict', 'all+strict'")
    return Strictness(level, strict=bool(separator))
