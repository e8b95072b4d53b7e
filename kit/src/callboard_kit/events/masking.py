"""Keeps what a contract marks as sensitive out of events."""

import json
from collections.abc import Mapping
from typing import cast

from callboard_kit.contract_book import EVERY, OperationContract
from callboard_kit.events.model import LONGEST_TEXT
from callboard_kit.tokens import Call


def masked(arguments: Mapping[str, object], sensitive: Mapping[str, str]) -> dict[str, object] | None:
    """Return a copy of `arguments` with a note in the place of each sensitive value; None when it is too long to show.

    Args:
        arguments: A JSON object; it is not changed.
        sensitive: Dotted paths and the kind of data there. `*` stands for every key; lists are gone through.
    """
    text = json.dumps(arguments)
    if len(text) > LONGEST_TEXT:
        return None
    return veiled(cast("dict[str, object]", json.loads(text)), sensitive)


def veiled(document: dict[str, object], sensitive: Mapping[str, str]) -> dict[str, object]:
    """Put a note in the place of each sensitive value of a JSON object, however long, and return the object."""
    for path, kind in sensitive.items():
        _mask(document, path.split("."), f"[masked: {kind}]")
    return document


def words_are_sensitive(contract: OperationContract) -> bool:
    """Tell whether an agent behind this operation answers with words that its contract marks as sensitive."""
    promise = contract.promise
    return promise.kind == "agent" and any(contract.holds(path) for path in promise.sensitive)


def speaks_to_others(contract: OperationContract, call: Call) -> bool:
    """Tell whether what a model writes in an exchange is for other eyes than those of whoever watches the tree.

    Whoever speaks with an agent themselves gets its words anyway. Where a team speaks with it for somebody else, that
    team has the words, and those who watch the tree need not.
    """
    return len(call.teams) > 1 and any(contract.holds(path) for path in contract.promise.sensitive)


def _mask(node: object, path: list[str], note: str) -> None:
    if isinstance(node, list):
        for element in cast("list[object]", node):
            _mask(element, path, note)
    elif isinstance(node, dict):
        members = cast("dict[str, object]", node)
        for name in [each for each in members if path[0] in (each, EVERY)]:
            if len(path) == 1:
                members[name] = note
            else:
                _mask(members[name], path[1:], note)
