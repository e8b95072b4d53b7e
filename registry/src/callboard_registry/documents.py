"""Documents as teams send them: read with suspicion, checked whole, kept in one canonical form."""

import hashlib
import json
import re
from dataclasses import dataclass
from math import isinf
from typing import Final, cast

from pydantic import ValidationError

from callboard_contracts import ServiceDescription
from callboard_contracts.canonical import canonical_json
from callboard_kit.policy import Policy
from callboard_registry.refusals import Refusal
from callboard_registry.schemas import require_schema

LARGEST: Final = 1024 * 1024
"""Bytes a document may have."""

DEEPEST: Final = 64
"""Levels a document may be nested."""

_LARGEST_WHOLE: Final = 2**53 - 1
"""The largest whole number that every reader of JSON has exactly (RFC 8785, after I-JSON)."""

_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""How a text of JSON says NUL: `\\u0000`, whose backslash is not itself said by one before it."""

TEAM: Final = re.compile(r"[a-z](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_SERVICE: Final = re.compile(rf"({TEAM.pattern})\.v[1-9][0-9]{{0,3}}")
_OPERATION: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class ListingDocument:
    """A description of a service that holds together."""

    description: ServiceDescription
    canonical: bytes
    """The description and nothing else: members that this registry does not know are not passed on unchecked."""

    text_digest: str
    """Of the whole document. Differs from the description's digest, which leaves texts out."""


@dataclass(frozen=True)
class PolicyDocument:
    """A policy that holds together."""

    canonical: bytes
    digest: str


def listing_document(data: bytes, *, team: str | None) -> ListingDocument:
    """Read a description that `team` publishes; without a team, one that nobody does.

    Raises:
        Refusal: It is no description of a service, contradicts itself, or is not the team's to publish.
    """
    _plain(data)
    try:
        description = ServiceDescription.model_validate_json(data)
    except ValidationError as error:
        raise _misshapen(error) from error
    _require_owner(description, team)
    _require_operations(description)
    for index, operation in enumerate(description.operations):
        for side, schema in (("input", operation.input), ("output", operation.output)):
            require_schema(schema, f"document.operations[{index}].{side}")
    try:
        computed = description.observable_digest()
        canonical = canonical_json(description.model_dump(mode="json"))
    except (ValueError, RecursionError) as error:
        raise _unreadable(error) from error
    if description.digest != computed:
        raise Refusal(
            "invalid",
            "document.digest",
            f"digest says {description.digest!r} but the operations give {computed!r}; describe the service again",
        )
    return ListingDocument(description=description, canonical=canonical, text_digest=_sha256(canonical))


def policy_document(data: bytes, *, team: str) -> PolicyDocument:
    """Read a policy that `team` publishes.

    Raises:
        Refusal: It is no policy, or speaks about services that are not the team's.
    """
    canonical = _canonical(data)
    try:
        policy = Policy.model_validate_json(canonical)
    except ValidationError as error:
        raise _misshapen(error) from error
    for index, rule in enumerate(policy.rules):
        for service in rule.services:
            if owner_of(service) != team:
                raise Refusal(
                    "denied",
                    f"document.rules[{index}].services",
                    f"rule {rule.name!r} is about {service!r}, which is not a service of {team!r}",
                )
    return PolicyDocument(canonical=canonical, digest=_sha256(canonical))


def owner_of(service: str) -> str | None:
    """Return the team that a service's wire name says it belongs to; None when it is no wire name."""
    match = _SERVICE.fullmatch(service)
    return match[1] if match else None


def require_team(team: str, *, field: str = "team") -> None:
    """Do nothing if `team` can be a team's name.

    Raises:
        Refusal: It cannot.
    """
    if not TEAM.fullmatch(team):
        raise Refusal(
            "invalid",
            field,
            f"{team!r} is no team's name; use a short lower-case noun like 'orders' (letters, digits, '-' and '_')",
        )


def _canonical(data: bytes) -> bytes:
    parsed = _plain(data)
    try:
        return canonical_json(parsed)
    except (ValueError, RecursionError) as error:
        raise _unreadable(error) from error


def _plain(data: bytes) -> dict[str, object]:
    if len(data) > LARGEST:
        raise Refusal("invalid", "document", f"document has {len(data)} bytes; at most {LARGEST} are taken")
    try:
        parsed = cast(object, json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_constant))
        _require_plain(parsed)
        if rb"\u0000" in data and _NUL.search(data):
            raise ValueError("a text holds the character NUL, which not every database can keep")
    except (ValueError, RecursionError) as error:
        raise _unreadable(error) from error
    if not isinstance(parsed, dict):
        raise Refusal("invalid", "document", f"document is a JSON {type(parsed).__name__}; it must be an object")
    return cast("dict[str, object]", parsed)


def _unreadable(error: ValueError | RecursionError) -> Refusal:
    reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
    return Refusal("invalid", "document", f"document cannot be read as JSON: {reason}")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        # Readers differ in which of the two they take, so it could mean one thing here and another elsewhere.
        raise ValueError(f"an object has the member {twice!r} twice")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _require_plain(parsed: object) -> None:
    level, depth = [parsed], 0
    while level:
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        below: list[object] = []
        for value in level:
            # What the parser makes has no subclasses.
            kind = type(value)
            if kind is dict:
                below.extend(cast(dict[str, object], value).values())
            elif kind is list:
                below.extend(cast(list[object], value))
            elif (kind is int and abs(cast(int, value)) > _LARGEST_WHOLE) or (
                kind is float and isinf(cast(float, value))
            ):
                raise ValueError("a number is too large to be kept exactly")
        level, depth = below, depth + 1


def _require_owner(description: ServiceDescription, team: str | None) -> None:
    owner = owner_of(description.service)
    if owner is None:
        raise Refusal(
            "invalid", "document.service", f"{description.service!r} is no service name; use one like 'orders.v1'"
        )
    if team is not None and owner != team:
        raise Refusal(
            "denied", "document.service", f"{description.service!r} belongs to {owner!r}; {team!r} signed this"
        )
    for field, value in (("team", description.team), ("endpoint", description.endpoint)):
        if value != owner:
            raise Refusal(
                "invalid",
                f"document.{field}",
                f"{field} is {value!r}; for {description.service!r} it must be {owner!r}",
            )


def _require_operations(description: ServiceDescription) -> None:
    if not description.operations:
        raise Refusal("invalid", "document.operations", f"{description.service!r} has no operations; declare one")
    seen: set[str] = set()
    for index, operation in enumerate(description.operations):
        field = f"document.operations[{index}].name"
        if not _OPERATION.fullmatch(operation.name):
            raise Refusal("invalid", field, f"{operation.name!r} is no operation name; use one like 'cancel_order'")
        if operation.name in seen:
            raise Refusal("invalid", field, f"{operation.name!r} is there twice; names of operations differ")
        seen.add(operation.name)


def _misshapen(error: ValidationError) -> Refusal:
    first = error.errors(include_url=False, include_input=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return Refusal("invalid", f"document{path}", first["msg"].rstrip(".").lower() + more)


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
