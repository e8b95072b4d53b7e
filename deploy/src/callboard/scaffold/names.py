"""Which names a new team may have: everything a room is called follows from it, so it must fit everywhere."""

import ast
import keyword
import re
from collections.abc import Iterable
from typing import Final

from callboard.failures import CommandError

LONGEST: Final = 20
"""Characters of a name. Temporal would take more; lines of code that say it three times would not."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]+")
_SPOKEN_FOR: Final = frozenset({"contracts", "default", "inbox", "kit", "orchestrator", "registry", "temporal"})
"""Parts of Callboard, and namespaces that clusters come with."""

_SAYS_NOTHING: Final = frozenset(
    {"base", "common", "core", "helpers", "manager", "misc", "shared", "team", "util", "utils"}
)


def check_name(name: str, *, sources: Iterable[str]) -> None:
    """Do nothing if a team may be called `name`.

    Args:
        name: The team.
        sources: The Python files of its room, in which the name becomes the name of a module and of a class.

    Raises:
        CommandError: It may not; the message says why.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise CommandError(
            f"{name!r} cannot be a team's name; use a short noun of lower-case letters and digits, as in 'greeters'"
        )
    if name in _SPOKEN_FOR or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise CommandError(f"the name {name!r} is spoken for; choose another noun")
    if name in _SAYS_NOTHING:
        raise CommandError(f"the name {name!r} does not say what the team is there for; choose another noun")
    if {name, name.capitalize()} & _words_of(sources):
        raise CommandError(f"the code of a room has another use for the word {name!r}; choose another noun")


def _words_of(sources: Iterable[str]) -> set[str]:
    """Return the names that the code binds or uses, other than as attributes."""
    found: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Name(id=word) | ast.arg(arg=word) | ast.ClassDef(name=word) | ast.FunctionDef(name=word):
                    found.add(word)
                case ast.alias(name=word, asname=renamed):
                    found.add(renamed or word)
                case _:
                    pass
    return found
