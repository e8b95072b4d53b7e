"""What a tool of an MCP server answered, as a history and a model may have it: cut, marked, and without secrets."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)

from callboard_kit.mcp_tools.messages import Answer
from callboard_kit.mcp_tools.servers import McpServer

HIDDEN: Final = "(hidden)"
"""What stands in the place of a secret."""

MOST_ERROR: Final = 1_000
"""Characters that are kept of what a server says went wrong."""

_SHORTEST_SECRET: Final = 4
"""Shorter values are no secrets, and would be found in any text."""


def answer_from(result: CallToolResult, server: McpServer, secrets: Iterable[str]) -> Answer:
    """Take down what a tool answered."""
    if result.is_error:
        text = without(_words(result.content), secrets)
        return Answer(text=text[:MOST_ERROR] or "the tool failed and says nothing about it", failed=True)
    structured = result.structured_content is not None
    text = json.dumps(result.structured_content, ensure_ascii=False) if structured else _words(result.content)
    text = without(text, secrets)
    cut_off = max(0, len(text) - server.max_result_characters)
    return Answer(
        text=text[: server.max_result_characters], structured=structured and not cut_off, cut_off_characters=cut_off
    )


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text with no secret in it, for servers that repeat what they were given."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
            text = text.replace(json.dumps(secret)[1:-1], HIDDEN)
    return text


def _words(content: Sequence[ContentBlock]) -> str:
    return "\n".join(_block(each) for each in content)


def _block(block: ContentBlock) -> str:
    match block:
        case TextContent():
            return block.text
        case ImageContent():
            return f"[an image, {block.mime_type}, which is not shown]"
        case AudioContent():
            return f"[a sound, {block.mime_type}, which is not played]"
        case ResourceLink():
            return f"[a resource: {block.uri}]"
        case EmbeddedResource():
            if isinstance(block.resource, BlobResourceContents):
                return f"[a resource that is no text: {block.resource.uri}]"
            return block.resource.text
