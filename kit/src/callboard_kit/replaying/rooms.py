"""Finds the workflows of a room, for whoever replays them without starting its worker."""

import importlib
import pkgutil
from collections.abc import Iterator

from temporalio.workflow import _Definition  # pyright: ignore[reportPrivateUsage] - nothing else tells a workflow


def workflows_of(package: str) -> list[type]:
    """Return every workflow class that the modules of a room define or import, by name.

    Raises:
        ImportError: The package or one of its modules cannot be imported.
    """
    found = {type_name(each): each for each in _workflows(package)}
    return [found[name] for name in sorted(found)]


def type_name(workflow: type) -> str:
    """Return the name under which Temporal knows a workflow class."""
    return str(_Definition.must_from_class(workflow).name)


def _workflows(package: str) -> Iterator[type]:
    room = importlib.import_module(package)
    names = [package] + [
        each.name
        for each in pkgutil.walk_packages(room.__path__, prefix=f"{package}.")
        # What a process starts with is run, not imported.
        if not each.name.endswith("__main__")
    ]
    for name in names:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and _Definition.from_class(value) is not None:
                yield value
