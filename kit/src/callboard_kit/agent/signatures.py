"""A function's signature, read as what a model is told of a tool."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.errors import PydanticUserError


@dataclass(frozen=True)
class Signature:
    """What a function is called, what it says of itself, and what it takes."""

    name: str
    description: str
    input_type: type[BaseModel]
    function: Callable[[BaseModel], object]
    """The function, taking what was read as one message."""


def signature_of(function: Callable[..., object]) -> Signature:
    """Read a function with typed parameters.

    Raises:
        TypeError: It cannot be read; the message says what to change.
    """
    name = cast("str", getattr(function, "__name__", ""))
    if not name.isidentifier():
        raise TypeError(f"{function!r} cannot be a tool: it has no name; write it as a function with `def`")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(f"{name!r} cannot be a pure tool: it waits for something; make it an activity")
    description = inspect.getdoc(function)
    if not description:
        raise TypeError(f"{name!r} cannot be a tool: it has no docstring, which is what the model is told")
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}  # Any: pydantic takes types and defaults so
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{name!r} cannot be a tool: say each parameter by name, not {str(parameter)!r}")
        if parameter.name not in hints:
            raise TypeError(f"{name!r} cannot be a tool: parameter {parameter.name!r} has no type")
        default: object = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid", frozen=True), **fields)
        model.model_json_schema(mode="validation")
    except (PydanticUserError, NameError) as error:
        raise TypeError(f"{name!r} cannot be a tool: there is no JSON schema of what it takes ({error})") from error
    return Signature(name=name, description=description, input_type=model, function=_taking_one(function))


def _taking_one(function: Callable[..., object]) -> Callable[[BaseModel], object]:
    @functools.wraps(function)
    def with_message(arguments: BaseModel) -> object:
        return function(**{each: getattr(arguments, each) for each in type(arguments).model_fields})

    return with_message
