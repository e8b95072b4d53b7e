"""The tools of a server as they were when a run started: what a model is told of them, and how they are known again.

Everything a server says of its tools is somebody else's text. It is cut, freed of characters that nobody sees, and
its schemas are looked at, before any of it comes near a model or a history.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, cast

import jsonschema_rs

from callboard_kit.agent.names import operation_tool_name
from callboard_kit.mcp_tools.messages import Listing, PinnedTool
from callboard_kit.mcp_tools.servers import McpServer

MOST_DESCRIPTION: Final = 2_000
"""Characters that are kept of a tool's description."""

MOST_SCHEMA: Final = 16_000
"""Characters that a tool's schema may have as JSON; one that has more is left out."""

MOST_LISTED: Final = 400_000
"""Characters of all tools of a server together, since the list stands in the history of every run."""

_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_./-]{1,128}")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_TEXTS: Final = frozenset({"description", "title"})


class ServersTool(Protocol):
    """A tool as the `mcp` package reads it from a server."""

    @property
    def name(self) -> str:
        """What the server calls it."""
        ...

    @property
    def description(self) -> str | None:
        """What the server says of it."""
        ...

    @property
    def input_schema(self) -> dict[str, Any]:  # Any: it is JSON
        """JSON Schema of its arguments."""
        ...

    @property
    def output_schema(self) -> dict[str, Any] | None:  # Any: it is JSON
        """JSON Schema of its structured answers."""
        ...


def digest_of(tool: ServersTool) -> str:
    """Return what a tool is known again by: it is another one as soon as its words or its schemas are."""
    said = [tool.name, tool.description, tool.input_schema, tool.output_schema]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def pinned(server: McpServer, tools: Sequence[ServersTool]) -> Listing:
    """Take down the tools of a server that may be called and can be."""
    allowed = [tool for tool in tools if server.allows(tool.name)]
    called = Counter(operation_tool_name(server.service, tool.name) for tool in allowed)
    kept: list[PinnedTool] = []
    left_out: dict[str, str] = {}
    room = MOST_LISTED
    for tool in allowed:
        schema = json.dumps(tool.input_schema)
        if called[operation_tool_name(server.service, tool.name)] > 1:
            fault = "the server has two tools that would be called the same"
        elif len(kept) >= server.max_tools:
            fault = f"the server has more than {server.max_tools} tools"
        elif len(schema) + MOST_DESCRIPTION > room:
            fault = "the server says too much of its tools"
        else:
            fault = _fault(tool, schema)
        if fault:
            if len(left_out) < server.max_tools:
                left_out[visible(tool.name)[:128]] = fault
            continue
        room -= len(schema) + MOST_DESCRIPTION
        kept.append(
            PinnedTool(
                name=tool.name,
                description=visible(tool.description or "")[:MOST_DESCRIPTION],
                parameters=_cleaned(tool.input_schema),
                digest=digest_of(tool),
            )
        )
    return Listing(server=server.name, tools=tuple(kept), left_out=left_out)


def visible(text: str) -> str:
    """Return a text without the characters that nobody sees and a model reads all the same."""
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in _UNSEEN)


def _fault(tool: ServersTool, schema: str) -> str | None:
    if not _TOOL_NAME.fullmatch(tool.name):
        return "its name is none: 1 to 128 letters, digits, '_', '-', '.' and '/'"
    if len(schema) > MOST_SCHEMA:
        return f"its schema has more than {MOST_SCHEMA} characters"
    if tool.input_schema.get("type") != "object":
        return "its schema is not one of an object"
    try:
        jsonschema_rs.validator_for(tool.input_schema, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return f"its schema is none: {visible(str(error)).splitlines()[0][:200]}"
    return None


def _cleaned(schema: Mapping[str, object]) -> dict[str, object]:
    return cast("dict[str, object]", _clean(schema))


def _clean(node: object) -> object:
    """Clean the texts of a schema; what arguments are held against stays as it is."""
    if isinstance(node, Mapping):
        document = cast("Mapping[str, object]", node)
        return {
            key: visible(value)[:MOST_DESCRIPTION] if key in _TEXTS and isinstance(value, str) else _clean(value)
            for key, value in document.items()
        }
    if isinstance(node, list):
        return [_clean(each) for each in cast("list[object]", node)]
    return node
