"""A team's room as the mesh sees it: what its `team.toml` says.

The team's name, namespace, task queue and endpoint follow from the package's name; the file says only what that name
does not: who owns it, what it calls, and the policy it publishes.
"""

import tomllib
from collections.abc import Mapping
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

from pydantic import ConfigDict, Field, ValidationError

from callboard_kit.conversations.sharing import Sharing
from callboard_kit.messages import KitMessage
from callboard_kit.policy import Policy

ENTRY_POINTS: Final = "callboard.teams"
"""The entry-point group in which rooms announce themselves: team name = package."""

_PREFIXES: Final = ("callboard_team_", "callboard_")


TeamName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]+$")]


class TeamFileError(ValueError):
    """A `team.toml` that cannot be used; the message names the file and the key."""


class Feed(KitMessage):
    """Who is told what becomes of a team's records."""

    model_config = ConfigDict(extra="forbid")

    followers: tuple[TeamName, ...] = ()
    """The teams that get every event the team publishes. Each has a stream of its own."""


class Team(KitMessage):
    """Who owns a room, what it calls, and whom it lets call."""

    model_config = ConfigDict(extra="forbid")

    name: TeamName
    """The team, a short lower-case noun; also its namespace, task queue and endpoint."""

    owner: str
    """Who answers for it, for people."""

    contact: str
    """Where to reach the owner."""

    description: str = ""
    """What the team does, for the catalog. Markdown."""

    calls: tuple[str, ...] = ()
    """The services of other teams it calls, by wire name."""

    policy: Policy = Policy()
    """Who may call it. Absent: nobody."""

    conversations: Sharing = Sharing()
    """What it lets other teams know of its conversations, and reads of theirs. Absent: the customer's words alone."""

    feed: Feed = Feed()
    """Who is told what becomes of its records. Absent: nobody."""

    @classmethod
    def load(cls, package: str, *, profile: str = "") -> "Team":
        """Read the `team.toml` inside `package`, or `team.<profile>.toml` where the room has one.

        Raises:
            TeamFileError: The file is missing, is not TOML, or has an unknown, missing or wrong key; or the package
                itself is gone.
        """
        try:
            folder = files(package)
        except ModuleNotFoundError as error:
            raise TeamFileError(
                f"team {team_name(package)!r} is installed, but its package {package!r} is gone; run `make setup` in"
                " the checkout it came from, or uninstall its distribution"
            ) from error
        special = folder / f"team.{profile}.toml"
        path = special if profile and special.is_file() else folder / "team.toml"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise TeamFileError(f"{package!r} has no team.toml; every room needs one inside its package") from error
        return cls.parse(text, name=team_name(package), source=f"{package}/{path.name}")

    @classmethod
    def read(cls, path: Path, *, name: str) -> "Team":
        """Read a `team.toml` that lies outside a package.

        Raises:
            TeamFileError: As for `load`.
        """
        return cls.parse(path.read_text(encoding="utf-8"), name=name, source=str(path))

    @classmethod
    def parse(cls, text: str, *, name: str, source: str) -> "Team":
        """Read the text of a `team.toml`; `source` is what errors call it.

        Raises:
            TeamFileError: As for `load`.
        """
        try:
            content: Mapping[str, object] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TeamFileError(f"{source} is not valid TOML: {error}") from error
        if "name" in content:
            raise TeamFileError(f"{source}: 'name' is not a key; the package's name says it")
        try:
            return cls.model_validate({**content, "name": name})
        except ValidationError as error:
            raise TeamFileError(f"{source}: {_first_fault(error)}") from error


def team_name(package: str) -> str:
    """Return the team that a room's package belongs to: `callboard_team_orders` → `orders`.

    A team that shares a room with another has a package inside it, whose own name is the team's.
    """
    if "." in package:
        return package.rpartition(".")[2]
    for prefix in _PREFIXES:
        if package.startswith(prefix):
            return package.removeprefix(prefix)
    return package


def installed_teams() -> dict[str, str]:
    """Return every installed room as team → package, sorted by team."""
    return {point.name: point.value for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name)}


def _first_fault(error: ValidationError) -> str:
    # A misspelt key is also a missing one; the unknown one says more.
    faults = error.errors(include_url=False)
    fault = next((each for each in faults if each["type"] == "extra_forbidden"), faults[0])
    place = ".".join(str(part) for part in fault["loc"])
    match fault["type"]:
        case "extra_forbidden":
            return f"unknown key {place!r}; take it out, or see docs/add-a-team.md for the keys there are"
        case "missing":
            return f"key {place!r} is missing"
        case _:
            return f"key {place!r}: {fault['msg']}"
