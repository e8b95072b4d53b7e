"""Takes out of a history what differs from run to run, so that recording again changes a file only if the code did."""

import base64
import binascii
import json
import re
from typing import Final, cast

from callboard_kit.identity import InvalidTokenError, unchecked
from callboard_kit.tokens import HELD

_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}\b")
# `sdkMetadata` stays: without the flags in it, the replayer does not compare types and names.
_LEFT_OUT: Final = frozenset(
    {"links", "completionCallbacks", "identity", "workerVersion", "meteringMetadata", "stackTrace"}
)


def cleaned(history: object) -> object:
    """Return a history's JSON with the same stand-in for the same id and the same token everywhere."""
    return _cleaned(history, {})


def _cleaned(node: object, ids: dict[str, str], key: str = "") -> object:
    """Take out of a history what differs from run to run, the same id by the same stand-in everywhere."""
    if isinstance(node, dict):
        members = cast(dict[str, object], node)
        return {
            name: _cleaned_payload(value, ids)
            if name == "data" and "metadata" in members and isinstance(value, str)
            else _cleaned(value, ids, name)
            for name, value in members.items()
            if name not in _LEFT_OUT
        }
    if isinstance(node, list):
        return [_cleaned(value, ids) for value in cast(list[object], node)]
    return _cleaned_text(node, ids) if isinstance(node, str) else node


def _cleaned_payload(data: str, ids: dict[str, str]) -> str:
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return data
    return base64.b64encode(_cleaned_text(text, ids).encode()).decode()


def _cleaned_text(text: str, ids: dict[str, str]) -> str:
    def stand_in(found: re.Match[str]) -> str:
        return ids.setdefault(found[0], f"00000000-0000-4000-8000-{len(ids) + 1:012d}".replace("-", found[1]))

    def token(found: re.Match[str]) -> str:
        return ids.setdefault(found[0], _unsigned(found[0], number=len(ids) + 1))

    return _UUID.sub(stand_in, _TOKEN.sub(token, text))


def _unsigned(token: str, *, number: int) -> str:
    """Return what stands in for a token: one that nobody signed, with what a workflow reads in it and no more."""
    try:
        claims = unchecked(token)
    except InvalidTokenError:
        return "left-out"
    kept = {name: claims[name] for name in ("iss", HELD) if name in claims}
    return f"{_part({'alg': 'EdDSA', 'kid': 'left-out'})}.{_part({**kept, 'number': number})}.left-out"


def _part(document: object) -> str:
    text = json.dumps(document, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
