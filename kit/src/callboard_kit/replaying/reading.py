"""Reads JSON whose shape is known only in parts."""

import json
from collections.abc import Mapping, Sequence
from typing import cast


def parsed(text: str) -> Mapping[str, object]:
    """Return a text's JSON object; an empty one where it is something else."""
    return as_object(json.loads(text))


def as_object(value: object) -> Mapping[str, object]:
    """Return `value` if it is a JSON object, else an empty one."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[object]:
    """Return `value` if it is a JSON array, else an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else ()
