"""MCP servers as tools of an agent: named in its configuration, reached by its worker, pinned in each run.

A worker's side is `callboard_kit.mcp_tools.connections.McpConnections`, which needs the extra `callboard-kit[mcp]`;
what is here needs nothing but the kit.
"""

from callboard_kit.mcp_tools.messages import CALL_TOOL, LIST_TOOLS
from callboard_kit.mcp_tools.servers import PREFIX, Http, McpConfigurationError, McpServer, Stdio

__all__ = [
    "CALL_TOOL",
    "LIST_TOOLS",
    "PREFIX",
    "Http",
    "McpConfigurationError",
    "McpServer",
    "Stdio",
]
