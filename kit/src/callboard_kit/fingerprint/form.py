"""The one form of a value that a digest is taken of: the same for equal values, in every process and on every machine.

What cannot be put into such a form is refused rather than left out: a fingerprint that does not see something would
call two agents alike that are not.
"""

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Final, Protocol, cast, runtime_checkable

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.errors import PydanticUserError

_DEEPEST: Final = 40
_ACTIVITY: Final = "__temporal_activity_definition"


class FingerprintError(ValueError):
    """Something in an agent's configuration has no form that a digest could be taken of; the message says where."""


@runtime_checkable
class Configured(Protocol):
    """An object that says itself what it was configured with, where its fields are not it."""

    def configuration(self) -> Mapping[str, object]:
        """Return what it was configured with: everything that makes it behave as it does."""
        ...


def form_of(value: object, *, where: str, depth: int = 0) -> object:
    """Return `value` as JSON has it: numbers, texts, lists and maps with texts as keys.

    Functions are known by their names and what they close over, activities by theirs alone, types of messages by their
    schemas, secrets only by being there.

    Raises:
        FingerprintError: There is no such form of it, or of something in it.
    """
    if depth > _DEEPEST:
        raise FingerprintError(f"{where} holds itself, or too much; nothing that deep can be told apart")

    def inner(part: object, name: str) -> object:
        return form_of(part, where=f"{where}.{name}", depth=depth + 1)

    match value:
        case None | bool() | int() | float() | str() if not isinstance(value, Enum):
            return value
        case Enum():
            return {"of": name_of(type(value)), "is": value.name}
        case SecretStr() | SecretBytes():
            return {"secret": bool(value)}
        case bytes():
            return {"bytes": value.hex()}
        case timedelta():
            return {"seconds": value.total_seconds()}
        case Decimal() | PurePath():
            return str(value)
        case re.Pattern():
            found = cast("re.Pattern[str]", value)
            return {"pattern": found.pattern, "flags": found.flags}
        case type():
            return form_of_type(cast("type[object]", value), where=where)
        case functools.partial():
            made = cast("functools.partial[object]", value)
            return {
                "function": inner(made.func, "func"),
                "args": inner(made.args, "args"),
                "named": inner(made.keywords, "keywords"),
            }
        case _:
            return _form_of_whole(value, inner, where=where)


def parts_of(value: object) -> Mapping[str, object] | None:
    """Return what an object is made of, by name; None when it is not made of named parts."""
    if isinstance(value, type):
        return None
    if isinstance(value, Configured):
        return value.configuration()
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return None


def form_of_type(value: type, *, where: str) -> object:
    """Return the form of a type: of a message the schema, of any other its name."""
    if not issubclass(value, BaseModel):
        return f"{value.__module__}.{value.__qualname__}"
    try:
        schema = value.model_json_schema(mode="validation")
    except PydanticUserError as error:
        raise FingerprintError(f"{where} is {value.__name__}, of which there is no JSON schema: {error}") from error
    return {"type": value.__qualname__, "schema": schema}


def name_of(value: type[object] | Callable[..., object]) -> str:
    """Return what a type or a function is called, module included."""
    return f"{value.__module__}.{value.__qualname__}"


def _form_of_whole(value: object, inner: Callable[[object, str], object], *, where: str) -> object:
    if inspect.isroutine(value) and hasattr(value, "__qualname__"):
        return _form_of_function(value, inner)
    parts = parts_of(value)
    if parts is not None:
        return {"of": name_of(type(value)), **{name: inner(part, name) for name, part in parts.items()}}
    if isinstance(value, Mapping):
        return _form_of_map(cast("Mapping[object, object]", value), inner, where=where)
    if isinstance(value, AbstractSet):
        members = [inner(part, "*") for part in cast("AbstractSet[object]", value)]
        return {"set": sorted(members, key=repr)}
    if isinstance(value, Sequence):
        return [inner(part, str(number)) for number, part in enumerate(cast("Sequence[object]", value))]
    raise FingerprintError(
        f"{where} is a {name_of(type(value))}, and nobody can see what it was configured with; make it a dataclass, or "
        "give it a method `configuration` that returns that"
    )


def _form_of_function(value: Callable[..., object], inner: Callable[[object, str], object]) -> object:
    """Know a function by its name, and by what it was made with: a closure's variables, a method's object."""
    if (registered := getattr(getattr(value, _ACTIVITY, None), "name", None)) is not None:
        return {"activity": registered}
    form: dict[str, object] = {"function": name_of(value)}
    holder = getattr(value, "__self__", None)
    if holder is not None and not inspect.ismodule(holder):
        form["of"] = inner(holder, "__self__")
    if inspect.isfunction(value) and value.__closure__:
        names = zip(value.__code__.co_freevars, value.__closure__, strict=True)
        form["made with"] = {name: inner(cell.cell_contents, name) for name, cell in names}
    return form


def _form_of_map(value: Mapping[object, object], inner: Callable[[object, str], object], *, where: str) -> object:
    if not all(isinstance(key, str) for key in value):
        raise FingerprintError(f"{where} is a map with keys that are no texts; use texts")
    return {str(key): inner(part, str(key)) for key, part in value.items()}
