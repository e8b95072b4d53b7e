"""Which operations a ramp cannot split, because their handlers answer themselves."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import nexusrpc

from callboard.failures import CommandError
from callboard_kit.approvals.at_once import answering_at_once
from callboard_kit.teams import installed_teams


@dataclass(frozen=True)
class Unsplit:
    """An operation whose handler answers at once: all calls of it go to one build, whatever the ramp says."""

    team: str
    service: str
    operation: str


def unsplit(rooms: Mapping[str, str]) -> Iterator[Unsplit]:
    """Yield the operations of installed rooms that cannot be ramped.

    Args:
        rooms: Packages by team.

    Raises:
        CommandError: A room cannot be imported.
    """
    every = installed_teams()
    for team, package in rooms.items():
        inner = [f"{each}." for each in every.values() if each.startswith(f"{package}.")]
        try:
            handlers = list(_handlers(package, without=inner))
        except ImportError as error:
            raise CommandError(f"the room of team {team!r} cannot be imported: {error}") from error
        # What answers at once shows in how a handler was made, not in what it holds: its parts are not needed.
        blank: list[object] = [object.__new__(handler) for handler in handlers]
        for service, operation in sorted(answering_at_once(blank)):
            yield Unsplit(team, service, operation)


def _handlers(package: str, *, without: Sequence[str]) -> Iterator[type]:
    """Yield the Nexus service handlers that a room's own modules define, but for those of the rooms inside it."""
    room = importlib.import_module(package)
    names = [each.name for each in pkgutil.walk_packages(room.__path__, prefix=f"{package}.")]
    for name in (package, *(each for each in names if not each.endswith("__main__"))):
        if f"{name}.".startswith(tuple(without)):
            continue
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and value.__module__ == name and _serves(value):
                yield value


def _serves(value: type) -> bool:
    definition = nexusrpc.get_service_definition(value)
    return definition is not None and any(hasattr(value, each) for each in definition.operation_definitions)
