"""What a run and its worker say to each other about MCP servers: all that stands in histories of them."""

from collections.abc import Mapping
from typing import Final

from callboard_kit.messages import KitMessage

LIST_TOOLS: Final = "callboard.list_mcp_tools"
"""The registered name of the activity that takes down the tools of a server."""

CALL_TOOL: Final = "callboard.call_mcp_tool"
"""The registered name of the activity that calls one."""

NOT_CALLED: Final = "nothing was called"
"""What the message of a failure ends with that came before a tool was called."""


class Listed(KitMessage):
    """Which server's tools are wanted."""

    server: str


class PinnedTool(KitMessage):
    """A tool as it was when the run started."""

    name: str
    """What the server calls it."""

    description: str
    """What the server says of it, cut and cleaned."""

    parameters: Mapping[str, object]
    """JSON Schema of its arguments."""

    digest: str
    """What it is known again by: over all the server said of it."""


class Listing(KitMessage):
    """What a server had to offer when the run started."""

    server: str
    tools: tuple[PinnedTool, ...] = ()
    left_out: Mapping[str, str] = {}
    """Tools that are allowed and cannot be used all the same, and why."""


class Called(KitMessage):
    """One call of a tool."""

    server: str
    tool: str
    digest: str
    """What the tool was known by when the run started."""

    arguments: Mapping[str, object]


class Answer(KitMessage):
    """What came of one call."""

    text: str = ""
    """What the tool answered; JSON where it answered with a structure. Cut where it was too long."""

    structured: bool = False
    """Whether `text` is JSON that the tool meant as such."""

    cut_off_characters: int = 0
    """How much of it is not here."""

    failed: bool = False
    """Whether the tool says that it failed; `text` is why."""
