"""Names of fields that generated code cannot have as they are, and what to call the fields there instead.

A word of the language, or a name that the generated code uses for itself. The name on the wire stays; `x-java-name` and
its like change one language's only.
"""

import keyword
from collections.abc import Callable, Mapping
from typing import Final

from callboard.interchange.naming import operation_key, type_name
from callboard.interchange.schemas import Schema, as_schema, everywhere, mapping

_OF_JAVA: Final = """
    abstract assert boolean break byte case catch char class const continue default do double else enum extends false
    final finally float for goto if implements import instanceof int interface long native new null package private
    protected public return short static strictfp super switch synchronized this throw throws transient true try void
    volatile while

    additionalProperties context element elementPath field fieldNames index items length nestedLength nestedViolations
    node numberValue parsed parser priorIndex rawElement rawIndex rawKey rawMatchCount rawSeen violation violations
"""
"""Words of Java, and what the code is called that reads a message."""

_OF_TYPESCRIPT: Final = """
    await break case catch class const continue debugger default delete do else enum export extends false finally for
    function if implements import in instanceof interface let new null package private protected public return static
    super switch this throw true try typeof var void while with yield

    additionalProperties arguments constructor eval hasOwnProperty isPrototypeOf out propertyIsEnumerable raw
    toLocaleString toString undefined valueOf violations
"""

_GO: Final = frozenset({"AdditionalProperties", "MarshalJson", "UnmarshalJson", "Validate"})

_PYTHON: Final = frozenset({*keyword.kwlist, "additional_properties"})


def with_names(definition: Schema) -> Schema:
    """Return a definition in which every field can be a field of generated code."""
    for _, schema in everywhere(definition):
        members = mapping(schema, "properties")
        if any(_overrides(name) for name in members):
            schema["properties"] = {
                name: {**found, **_overrides(name)} if (found := as_schema(member)) is not None else member
                for name, member in members.items()
            }
    return definition


def _overrides(name: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for language, (called, taken, instead) in _LANGUAGES.items():
        own = called(name)
        if own in taken:
            found[f"x-{language}-name"] = instead(own)
    return found


def _the(name: str) -> str:
    return f"the{name[0].upper()}{name[1:]}"


def _exported(name: str) -> str:
    return f"The{name}"


def _underlined(name: str) -> str:
    return f"{name}_"


def _as_it_is(name: str) -> str:
    return name


_LANGUAGES: Final[Mapping[str, tuple[Callable[[str], str], frozenset[str], Callable[[str], str]]]] = {
    "go": (type_name, _GO, _exported),
    "ts": (operation_key, frozenset(_OF_TYPESCRIPT.split()), _the),
    "py": (_as_it_is, _PYTHON, _underlined),
    "java": (operation_key, frozenset(_OF_JAVA.split()), _the),
}
"""For each language: how it calls a field, what it cannot call one, and what it is called then."""
