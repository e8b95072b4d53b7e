"""Reading what a model wrote as arguments: is it JSON, and is it what the tool takes?"""

import json
from collections.abc import Mapping
from typing import Any, Never, cast

import jsonschema_rs

_MOST_TOLD = 5


class MalformedArgumentsError(ValueError):
    """Arguments that cannot be used; the message tells the model what to correct."""


class ArgumentReader:
    """Reads the arguments of one tool."""

    def __init__(self, parameters: Mapping[str, object]) -> None:
        # The schema is JSON, and the library's stubs say so with `Any`.
        self._validator = jsonschema_rs.validator_for(cast("dict[str, Any]", dict(parameters)))

    def read(self, text: str) -> dict[str, object]:
        """Return the arguments. No text at all counts as no arguments.

        Raises:
            MalformedArgumentsError: The text is not a JSON object, or the object breaks the schema.
        """
        try:
            arguments: object = json.loads(text or "{}", parse_constant=_refuse_constant)
        except ValueError as error:
            raise MalformedArgumentsError(f"the arguments are not JSON: {error}") from None
        if not isinstance(arguments, dict):
            raise MalformedArgumentsError("the arguments must be a JSON object")
        problems = [
            f"{_path(problem.instance_path)}: {problem.message}" for problem in self._validator.iter_errors(arguments)
        ]
        if problems:
            more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
            raise MalformedArgumentsError("; ".join(problems[:_MOST_TOLD]) + more)
        return cast("dict[str, object]", arguments)


def _path(steps: list[str | int]) -> str:
    """Name a place in the arguments as a JSON pointer; the whole of them is `/`."""
    return "/" + "/".join(str(step) for step in steps)


def _refuse_constant(word: str) -> Never:
    """Refuse `NaN` and `Infinity`, which Python reads and JSON does not know."""
    raise ValueError(f"{word} is not a JSON value")
