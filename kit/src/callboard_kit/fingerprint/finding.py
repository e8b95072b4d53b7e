"""Finding the agents of a room: those at the top of its modules, where its workflows find them too."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, cast

from callboard_kit.agent.configuration import Agent


def agents_of(package: str) -> tuple[Agent[Any], ...]:  # Any: an agent answers with anything
    """Return every agent that stands at the top of a module of `package`, each once, ordered by module and name."""
    found: dict[int, Agent[Any]] = {}
    for module in _modules(import_module(package)):
        for _, value in sorted(vars(module).items()):
            if isinstance(value, Agent):
                found.setdefault(id(cast("object", value)), cast("Agent[Any]", value))
    return tuple(found.values())


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for each in pkgutil.walk_packages(getattr(package, "__path__", []), prefix=f"{package.__name__}."):
        # To import what is there to be run would run it.
        if each.name.rpartition(".")[2] != "__main__":
            yield import_module(each.name)
