"""What a person was asked, and what they said, as a history holds it."""

import json
from typing import cast

from callboard_kit.identity import InvalidTokenError, unchecked
from callboard_registry.stories.model import Happening


def asked_for(data: bytes) -> str:
    """Return what it was about, in two words."""
    question = read_object(data)
    return f"{question.get('service', '')} {question.get('operation', '')}".strip() or "something"


def question_asked(data: bytes) -> dict[str, object]:
    """Return what a person is asked. Sensitive values were masked by whoever asks; words are for those who may."""
    question = read_object(data)
    arguments = json.dumps(question.get("arguments", {}), ensure_ascii=False, indent=1)
    return {
        "agent": question.get("agent", ""),
        "rule": question.get("rule", ""),
        "approvers": question.get("approvers", []),
        "patience": question.get("patience_seconds", 0),
        "words": {
            "why": str(question.get("reason", ""))[:1000],
            "agent": str(question.get("words", ""))[:4000],
            "arguments": arguments[:4000],
        },
    }


def verdict_given(data: bytes, happening: Happening) -> tuple[str, dict[str, object]]:
    """Return how a person decided, and what there is to show of it."""
    verdict = read_object(data)
    words = cast("dict[str, object]", happening.detail.get("words", {}))
    person, reason = str(verdict.get("person") or ""), str(verdict.get("reason") or "")
    if not person and (statement := str(verdict.get("statement") or "")):
        person, reason = _signed(statement)
    detail = {**happening.detail, "by": person, "words": {**words, "said": reason[:1000]}}
    return str(verdict.get("outcome") or "ok"), detail


def _signed(statement: str) -> tuple[str, str]:
    try:
        claims = unchecked(statement)
        certificate = unchecked(str(claims.get("crt")))
    except InvalidTokenError:
        return "", ""
    return str(certificate.get("sub", "")), str(claims.get("why", ""))


def read_object(data: bytes | str) -> dict[str, object]:
    """Return an object of JSON; an empty one where there is none to be read."""
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}
