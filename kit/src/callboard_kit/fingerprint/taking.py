"""Taking a fingerprint: every field of an agent, and what its worker adds, by digest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, Final, Protocol, cast
from urllib.parse import urlsplit, urlunsplit

from callboard_kit.fingerprint.form import FingerprintError, form_of, form_of_type, name_of, parts_of
from callboard_kit.messages import KitMessage

IRRELEVANT: Final[Mapping[str, str]] = MappingProxyType(
    {"name": "fingerprints are compared by it: an agent of another name is another agent"}
)
"""Fields of an agent that are not looked at, and why. Every other field is, whatever it is called."""

WORKER: Final = "worker"
"""Under this stands what an agent has from its worker and not from its code."""

_LENGTH: Final = 16


class Fingerprint(KitMessage):
    """What one agent is made of, without saying it."""

    agent: str
    """The agent's name."""

    digest: str
    """`sha256:…` over all of it."""

    fields: Mapping[str, str]
    """A digest of each part, by its dotted path: `instructions`, `limits.max_steps`, `tools.add.parameters`. A path
    that others begin with stands for what kind of thing it is, and for the order of what it holds."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What makes an agent behave differently and stands in its worker's environment."""

    model: str | None = None
    """The model that is asked where the agent names none."""

    model_address: str | None = None
    """Where models are asked."""

    store: str | None = None
    """Where conversations and memory are kept, without the secret."""

    telemetry: str | None = None
    """Where traces go."""

    profile: str | None = None
    """The profile, which decides about policies."""


class Named(Protocol):
    """A dataclass with a name."""

    __dataclass_fields__: ClassVar[dict[str, Any]]  # Any: as the library has it

    @property
    def name(self) -> str:
        """What it is called."""
        ...


def fingerprint(agent: Named, surroundings: Surroundings | None = None) -> Fingerprint:
    """Return the fingerprint of an agent.

    Args:
        agent: The agent: every field of it counts, but for those in `IRRELEVANT`.
        surroundings: What it has from its worker. Absent: the agent alone is looked at, as a build has it before
            anybody says where it runs.

    Raises:
        FingerprintError: Something in it cannot be told apart from something else.
    """
    found: dict[str, str] = {}
    for field in fields(agent):
        if field.name not in IRRELEVANT:
            _take(getattr(agent, field.name), field.name, found, where=f"agent {agent.name!r}: {field.name}")
    if surroundings is not None:
        for field in fields(surroundings):
            found[f"{WORKER}.{field.name}"] = _digest(_without_secret(getattr(surroundings, field.name)))
    ordered = dict(sorted(found.items()))
    return Fingerprint(agent=agent.name, digest=f"sha256:{_whole(ordered)}", fields=ordered)


def differing(one: Fingerprint, other: Fingerprint) -> tuple[str, ...]:
    """Return the paths of what is not the same in both, in order; what only one of them has included."""
    paths = sorted(one.fields.keys() | other.fields.keys())
    return tuple(path for path in paths if one.fields.get(path) != other.fields.get(path))


def _take(value: object, path: str, found: dict[str, str], *, where: str) -> None:
    """Note the digests of one field: of its parts where it has names for them, else of the whole."""
    named = _by_name(value)
    if named is not None:
        found[path] = _digest(list(named))
        for name, one in named.items():
            _take_named(one, f"{path}.{name}", found, where=f"{where}.{name}")
        return
    parts = parts_of(value)
    if parts is None:
        found[path] = _digest(form_of(value, where=where))
        return
    found[path] = _digest(name_of(type(value)))
    for name, part in parts.items():
        found[f"{path}.{name}"] = _digest(form_of(part, where=f"{where}.{name}"))


def _take_named(value: object, path: str, found: dict[str, str], *, where: str) -> None:
    """Note the digests of a tool, a guard or a hook: one for each part of it."""
    parts = parts_of(value)
    if parts is None:
        found[path] = _digest(form_of(value, where=where))
        return
    found[path] = _digest(name_of(type(value)))
    for name, part in parts.items():
        if isinstance(part, type):
            found[f"{path}.{name}"] = _digest(form_of_type(part, where=f"{where}.{name}"))
        else:
            found[f"{path}.{name}"] = _digest(form_of(part, where=f"{where}.{name}"))


def _by_name(value: object) -> Mapping[str, object] | None:
    """Return the members of a sequence by their names; None when it is none, or when not all of them have one."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence) or not value:
        return None
    members = cast("Sequence[object]", value)
    named = {name: member for member in members if (name := _name(member))}
    return named if len(named) == len(members) else None


def _name(member: object) -> str | None:
    for holder in (getattr(member, "spec", None), member):
        name = getattr(holder, "name", None)
        if isinstance(name, str) and name:
            return name
    return None


def _without_secret(value: object) -> object:
    """Return an address without whoever logs in there: to change a password changes no behaviour."""
    if not isinstance(value, str) or "://" not in value:
        return value
    place = urlsplit(value)
    return urlunsplit(place._replace(netloc=place.netloc.rpartition("@")[2]))


def _digest(form: object) -> str:
    return _whole(form)[:_LENGTH]


def _whole(form: object) -> str:
    try:
        text = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except ValueError as error:
        raise FingerprintError(f"a number in it is none: {error}") from error
    return hashlib.sha256(text.encode("ascii")).hexdigest()
