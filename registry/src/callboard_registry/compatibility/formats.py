"""Formats, content encodings and patterns as the validator judges them, and strings to try for each format."""

from functools import lru_cache
from typing import Final

import jsonschema_rs

from callboard_registry.compatibility.documents import Draft

_SAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "date": ("2024-02-29", "1999-12-31"),
    "time": ("12:30:00Z", "23:59:59.5+01:00"),
    "date-time": ("2024-02-29T12:30:00Z", "1999-12-31T23:59:59.5+01:00"),
    "duration": ("PT1H", "P1DT2H", "P3Y"),
    "email": ("ann@example.com", "b@c.de"),
    "idn-email": ("ann@example.com", "änn@example.com"),
    "hostname": ("example.com", "a"),
    "idn-hostname": ("example.com", "bücher.example"),
    "ipv4": ("192.0.2.1", "0.0.0.0"),
    "ipv6": ("2001:db8::1", "::"),
    "uri": ("https://example.com/a", "urn:a:b"),
    "uri-reference": ("https://example.com/a", "/a", "a", ""),
    "iri": ("https://example.com/ä", "urn:a:b"),
    "iri-reference": ("https://example.com/ä", "/ä", "a", ""),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"),
    "regex": ("[a-z]+", "a", ""),
    "json-pointer": ("/a/b", "/a", ""),
    "relative-json-pointer": ("0", "1/a"),
    "uri-template": ("https://example.com/{a}", "a", ""),
    "base64": ("YQ==", ""),
    "application/json": ('{"a": 1}', "1"),
}

_SHAPES: Final[dict[str, str]] = {
    "date": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "time": "^[0-9]{2}:[0-9]{2}:",
    "date-time": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:",
    "duration": "^P[0-9A-Z]",
    "email": "@",
    "idn-email": "@",
    "hostname": "^[^\\s/@]",
    "ipv4": "^[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}$",
    "ipv6": ":",
    "uri": "^[A-Za-z][A-Za-z0-9+.-]*:",
    "iri": "^[A-Za-z][A-Za-z0-9+.-]*:",
    "uuid": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    "relative-json-pointer": "^[0-9]",
}

_NEVER_VALID: Final = "\x00 { no format \\ allows this %"


def samples(name: str) -> tuple[str, ...]:
    """Return strings that a format allows, where some are known."""
    return _SAMPLES.get(name, ())


def shape(name: str) -> str | None:
    """Return a regular expression that every string of a format matches, where one is known."""
    return _SHAPES.get(name)


@lru_cache(maxsize=256)
def is_judged(keyword: str, name: str, draft: Draft) -> bool:
    """Tell whether a validator of the draft refuses anything for this format, or takes it for a remark."""
    return not _validator(keyword, name, draft).is_valid(_NEVER_VALID)


@lru_cache(maxsize=256)
def is_of_format(keyword: str, name: str, text: str) -> bool | None:
    """Tell whether a string is what a format says; `None` if no validator knows the format."""
    for draft in (Draft.DRAFT2020, Draft.DRAFT7, Draft.DRAFT4):
        if is_judged(keyword, name, draft):
            return _validator(keyword, name, draft).is_valid(text)
    return None


@lru_cache(maxsize=256)
def _validator(keyword: str, name: str, draft: Draft) -> jsonschema_rs.Validator:
    schema = {"$schema": DIALECT_OF[draft], keyword: name}
    return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)


DIALECT_OF: Final = {
    Draft.DRAFT4: "http://json-schema.org/draft-04/schema#",
    Draft.DRAFT6: "http://json-schema.org/draft-06/schema#",
    Draft.DRAFT7: "http://json-schema.org/draft-07/schema#",
    Draft.DRAFT2019: "https://json-schema.org/draft/2019-09/schema",
    Draft.DRAFT2020: "https://json-schema.org/draft/2020-12/schema",
}


def matches(pattern: str, text: str) -> bool:
    """Tell whether a part of the text matches the regular expression, as the validator reads it."""
    return _pattern_validator(pattern).is_valid(text)


@lru_cache(maxsize=512)
def _pattern_validator(pattern: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"pattern": pattern}, offline=True)
