"""Reading what a model wrote as arguments: is it JSON, and is it what the tool takes?"""

import json
import re
from collections.abc import Mapping
from typing import Any, Never, cast

import jsonschema_rs
from pydantic import BaseModel, ValidationError

from callboard_kit.agent.messages import OutputSpec

_MOST_TOLD = 5
_FENCED = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL)


class MalformedArgumentsError(ValueError):
    """Arguments that cannot be used; the message tells the model what to correct."""


class ArgumentReader:
    """Reads the arguments of one tool."""

    def __init__(self, parameters: Mapping[str, object], *, what: str = "the arguments are") -> None:
        self._validator: jsonschema_rs.Validator | None = None
        self._unusable = ""
        self._what = what
        # The schema is JSON, and the library's stubs say so with `Any`.
        schema = cast("dict[str, Any]", dict(parameters))
        try:
            # Offline: another team's schema must not make a workflow fetch something.
            self._validator = jsonschema_rs.validator_for(schema, offline=True)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            # A schema that its team got wrong must not end everybody's runs; only this tool cannot be called.
            self._unusable = str(error).splitlines()[0]

    def read(self, text: str) -> dict[str, object]:
        """Return the arguments. No text at all counts as no arguments.

        Raises:
            MalformedArgumentsError: The text is not a JSON object, or the object breaks the schema, or the schema is
                none.
        """
        if self._validator is None:
            raise MalformedArgumentsError(f"this tool cannot be called, its schema is none: {self._unusable}")
        try:
            arguments: object = json.loads(text or "{}", parse_constant=_refuse_constant)
        except ValueError as error:
            raise MalformedArgumentsError(f"{self._what} not JSON: {error}") from None
        if not isinstance(arguments, dict):
            raise MalformedArgumentsError(f"{self._what} not a JSON object")
        problems = [
            f"{_path(problem.instance_path)}: {problem.message}" for problem in self._validator.iter_errors(arguments)
        ]
        if problems:
            more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
            raise MalformedArgumentsError("; ".join(problems[:_MOST_TOLD]) + more)
        return cast("dict[str, object]", arguments)


class AnswerForm:
    """Reads the answers of an agent that must answer in a certain form."""

    def __init__(self, spec: OutputSpec, values: type[BaseModel] | None = None) -> None:
        self.spec = spec
        self._values = values
        self._reader = ArgumentReader(spec.parameters, what="it is")

    def read(self, text: str) -> dict[str, object]:
        """Return the answer. Models like to put it between fences, which are no part of it.

        Raises:
            MalformedArgumentsError: It is no JSON object, breaks the schema, or holds values that its type refuses.
        """
        fenced = _FENCED.fullmatch(text.strip())
        document = self._reader.read(fenced[1] if fenced else text or "nothing")
        if self._values is not None and (fault := _value_fault(self._values, document)):
            raise MalformedArgumentsError(fault)
        return document


def _value_fault(values: type[BaseModel], document: Mapping[str, object]) -> str | None:
    """Say what a type's own validators have against values that fit its schema; None when they have nothing."""
    try:
        values.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        more = f"; and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
        return "; ".join(f"{_path(list(each['loc']))}: {each['msg']}" for each in found[:_MOST_TOLD]) + more
    return None


def _path(steps: list[str | int]) -> str:
    """Name a place in the arguments as a JSON pointer; the whole of them is `/`."""
    return "/" + "/".join(str(step) for step in steps)


def _refuse_constant(word: str) -> Never:
    """Refuse `NaN` and `Infinity`, which Python reads and JSON does not know."""
    raise ValueError(f"{word} is not a JSON value")
