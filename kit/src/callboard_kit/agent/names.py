"""What tools are called: providers take 64 letters, digits, `_` and `-`, and each name once."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

LONGEST_NAME: Final = 64
"""Characters that providers take in a tool's name."""

_NAME: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}")
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_-]")
_MARK: Final = 8
"""Characters of a digest that keep a shortened name apart from others that begin the same."""


def operation_tool_name(service: str, operation: str) -> str:
    """Return what a model calls an operation: the service with `_` for `.`, `__`, and the operation.

    A name that providers would not take is shortened, and ends with a digest of the whole of it: the same operation is
    always called the same, and no two are.
    """
    name = f"{service.replace('.', '_')}__{operation}"
    if _NAME.fullmatch(name):
        return name
    mark = hashlib.sha256(f"{service}\n{operation}".encode()).hexdigest()[:_MARK]
    return f"{_NOT_ALLOWED.sub('_', name)[: LONGEST_NAME - _MARK - 1]}_{mark}"


def name_fault(names: Iterable[str], *, reserved: Iterable[str] = ()) -> str | None:
    """Say what is wrong with the names of an agent's tools, or None when nothing is."""
    taken = set(reserved)
    for name in names:
        if not _NAME.fullmatch(name):
            return (
                f"a tool is called {name!r}; providers take 1 to {LONGEST_NAME} letters, digits, '_' and '-': rename it"
            )
        if name in taken:
            return f"two tools are called {name!r}; rename one of them"
        taken.add(name)
    return None
