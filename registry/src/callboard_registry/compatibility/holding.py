"""Whether a condition holds for a given value: yes, no, or not known."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import cast

from callboard_registry.compatibility.formats import is_of_format, matches
from callboard_registry.compatibility.nodes import (
    All,
    Always,
    AtLeast,
    Contains,
    ExactlyOne,
    Has,
    HasFormat,
    ItemIs,
    ItemsFrom,
    Lazy,
    Matches,
    MatchingAre,
    MemberIs,
    MinItems,
    MinLength,
    MinMembers,
    Multiple,
    NamesAre,
    Neg,
    Never,
    Node,
    On,
    OthersAre,
    Some,
    Types,
    Unique,
    Values,
)
from callboard_registry.compatibility.values import exact, identity, kind_of

Answer = bool | None


def holds(node: Node, value: object) -> Answer:
    """Tell whether the condition holds for the value; `None` where that cannot be told."""
    match node:
        case Always():
            return True
        case Never():
            return False
        case All():
            return every(holds(part, value) for part in node.parts)
        case Some():
            return negated(every(negated(holds(part, value)) for part in node.parts))
        case ExactlyOne():
            answers = [holds(part, value) for part in node.parts]
            if answers.count(True) > 1:
                return False
            return None if None in answers else answers.count(True) == 1
        case Neg():
            return negated(holds(node.part, value))
        case On():
            return holds(node.part, value) if kind_of(value) == node.kind else True
        case Lazy():
            return holds(node.resolve(), value)
        case Types():
            return _is_of_type(value, node.names)
        case Values():
            return identity(value) in node.keys
        case _:
            return _holds_inside(node, value)


def every(answers: Iterable[Answer]) -> Answer:
    """Return whether all answers are yes: no if one is no, whatever is not known."""
    known = True
    for answer in answers:
        if answer is False:
            return False
        known = known and answer is not None
    return True if known else None


def negated(answer: Answer) -> Answer:
    """Return the opposite, of which nothing is known if nothing is of the answer."""
    return None if answer is None else not answer


def _is_of_type(value: object, names: frozenset[str]) -> bool:
    kind = kind_of(value)
    if kind in names:
        return True
    return kind == "number" and "integer" in names and isinstance(exact(cast(float, value)), int)


def _holds_inside(node: Node, value: object) -> Answer:
    if isinstance(value, str):
        return _holds_for_string(node, value)
    if isinstance(value, (list, tuple)):
        return _holds_for_array(node, cast(Sequence[object], value))
    if isinstance(value, Mapping):
        return _holds_for_object(node, cast(Mapping[str, object], value))
    if isinstance(value, (int, float, Decimal)):
        number = exact(value)
        match node:
            case AtLeast():
                return number > node.bound if node.excluded else number >= node.bound
            case Multiple():
                return number % node.of == 0
            case _:
                return None
    return None


def _holds_for_string(node: Node, text: str) -> Answer:
    match node:
        case MinLength():
            return len(text) >= node.count
        case Matches():
            return matches(node.pattern, text)
        case HasFormat():
            return None if node.keyword == "remark" else is_of_format(node.keyword, node.name, text)
        case _:
            return None


def _holds_for_array(node: Node, items: Sequence[object]) -> Answer:
    match node:
        case MinItems():
            return len(items) >= node.count
        case ItemIs():
            return holds(node.part, items[node.index]) if node.index < len(items) else True
        case ItemsFrom():
            return every(holds(node.part, item) for item in items[node.index :])
        case Contains():
            answers = [holds(node.part, item) for item in items]
            if answers.count(True) >= node.count:
                return True
            return None if answers.count(True) + answers.count(None) >= node.count else False
        case Unique():
            return len({identity(item) for item in items}) == len(items)
        case _:
            return None


def _holds_for_object(node: Node, members: Mapping[str, object]) -> Answer:
    match node:
        case Has():
            return node.name in members
        case MinMembers():
            return len(members) >= node.count
        case MemberIs():
            return holds(node.part, members[node.name]) if node.name in members else True
        case MatchingAre():
            return every(holds(node.part, each) for name, each in members.items() if matches(node.pattern, name))
        case OthersAre():
            return every(
                holds(node.part, each)
                for name, each in members.items()
                if name not in node.names and not any(matches(pattern, name) for pattern in node.patterns)
            )
        case NamesAre():
            return every(holds(node.part, name) for name in members)
        case _:
            return None
