"""What a person sees of arguments: everything but the values of fields that the contract marks as sensitive."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from callboard_kit.contract_book import EVERY
from callboard_kit.events.masking import masked

HIDDEN: Final = "(hidden)"
"""What stands in the place of a value of which nobody says what it is."""


def shown(arguments: Mapping[str, object], sensitive: Mapping[str, str] | None) -> dict[str, object]:
    """Return `arguments` as a question may show them.

    Args:
        arguments: A JSON object.
        sensitive: Dotted path to class of data, as in a promise. None: nobody knows, so no value is shown.
    """
    if sensitive is None:
        return {name: HIDDEN for name in arguments}
    return masked(arguments, sensitive) or {"arguments": "(too long to be shown)"}


def classes_in(arguments: Mapping[str, object], sensitive: Mapping[str, str]) -> frozenset[str]:
    """Return the classes of data that `arguments` hold."""
    return frozenset(kind for path, kind in sensitive.items() if _holds(arguments, path.split(".")))


def value_at(arguments: Mapping[str, object], path: str) -> object:
    """Return what stands at a dotted path; None when nothing does."""
    node: object = arguments
    for part in path.split("."):
        node = _member(node, part)
    return node


def _member(node: object, name: str) -> object:
    return cast("Mapping[str, object]", node).get(name) if isinstance(node, Mapping) else None


def _holds(node: object, path: Sequence[str]) -> bool:
    if isinstance(node, list | tuple):
        return any(_holds(element, path) for element in cast("Sequence[object]", node))
    if not path:
        return node is not None
    if not isinstance(node, Mapping):
        return False
    names = list(cast("Mapping[str, object]", node)) if path[0] == EVERY else [path[0]]
    return any(_holds(_member(cast("object", node), name), path[1:]) for name in names)
