"""The file that says who may do what in the console: by name, by group of the identity provider, or for everyone.

```toml
[everyone]                       # whoever the identity provider lets in
may = ["viewer"]
[groups.finance]                 # a value of the token's claim "groups"
may = ["approver:billing"]
roles = ["finance"]              # lists of approvers call them role:finance
[persons."ada@example.com"]
may = ["administrator"]
```
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from callboard_kit.persons import Word
from callboard_registry.signin.roles import Grant, Visitor


def _grant(text: str) -> str:
    return str(Grant.read(text))


class Granted(BaseModel):
    """What a table of the file grants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    may: tuple[Annotated[str, AfterValidator(_grant)], ...] = ()
    roles: tuple[Word, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    everyone: Granted = Granted()
    groups: Mapping[str, Granted] = {}
    persons: Mapping[str, Granted] = {}


NOTHING: Final = _File()


class GrantsError(ValueError):
    """The file cannot be used; the message says where and why."""


class Grants:
    """The file as it is now: it is read again when it changes. Whoever is not in it may do nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read: tuple[tuple[int, int], _File] | None = None

    def visitor(self, name: str, groups: Sequence[str]) -> Visitor:
        """Return what a person may do.

        Raises:
            GrantsError: The file cannot be used: nobody is let in by half of it.
        """
        file = self._now()
        granted = [file.everyone]
        granted += [file.groups[group] for group in groups if group in file.groups]
        granted += [file.persons[name]] if name in file.persons else []
        return visitor_of(name, granted)

    def _now(self) -> _File:
        if self._path is None:
            return NOTHING
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return NOTHING
        stamp = (found.st_mtime_ns, found.st_size)
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, _parsed(self._path))
        return self._read[1]


def visitor_of(name: str, granted: Sequence[Granted]) -> Visitor:
    """Return a person with everything that they are granted."""
    grants = dict.fromkeys(Grant.read(text) for each in granted for text in each.may)
    roles = dict.fromkeys(role for each in granted for role in each.roles)
    return Visitor(name, tuple(grants), tuple(roles))


def _parsed(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise GrantsError(f"{str(path)!r}, {place}: {first['msg'].removeprefix('Value error, ')}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GrantsError(f"{str(path)!r} cannot be read: {error}") from error
