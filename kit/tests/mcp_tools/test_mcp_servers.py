"""What may be said of an MCP server, and what is taken of what it says itself."""

from datetime import timedelta
from typing import Any

import pytest
from mcp_types import Tool

from callboard_kit.agent import Agent, AgentConfigurationError, FunctionTool
from callboard_kit.agent.mcp import McpTool
from callboard_kit.agent.names import LONGEST_NAME
from callboard_kit.mcp_tools import Http, McpConfigurationError, McpServer, Stdio
from callboard_kit.mcp_tools.answers import without
from callboard_kit.mcp_tools.pinning import MOST_DESCRIPTION, MOST_SCHEMA, digest_of, pinned

OBJECT: dict[str, Any] = {"type": "object"}


def server(**more: Any) -> McpServer:
    return McpServer(**{"name": "files", "reached": Stdio(command="files"), "allow": ("*",), **more})


def tool(name: str = "read", **more: Any) -> Tool:
    return Tool(**{"name": name, "description": "Read.", "input_schema": OBJECT, **more})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "Files"}, "MCP server 'Files' cannot be called that"),
        ({"name": "my_files"}, "cannot be called that; use lower-case letters, digits and '-'"),
        ({"allow": ()}, "allows no tool; name patterns in `allow`"),
        ({"timeout": timedelta(0)}, "has timeout 0 s; give it some time"),
        ({"keep": timedelta(seconds=-1)}, "keeps connections for -1 s"),
        ({"reached": Stdio(command=" ")}, "has no command"),
        (
            {"reached": Stdio(command="x", environment=("sk-123 secret",))},
            "give names of variables, never their values",
        ),
        ({"reached": Http()}, "needs an address"),
        ({"reached": Http(url="http://x", url_from="X")}, "needs an address: give either"),
        ({"reached": Http(url="file:///etc/passwd")}, "has an address that is none; write http"),
        ({"reached": Http(url="https://me:secret@example.com/mcp")}, "has a name or a password in its address"),
        ({"reached": Http(url="http://x", headers={"a b": "X"})}, "has a header 'a b'"),
        ({"reached": Http(url="http://x", headers={"Authorization": "X"}, bearer="Y")}, "keep one of them"),
    ],
)
def test_a_server_that_cannot_be_used_cannot_be_written_down(wrong: dict[str, Any], why: str):
    with pytest.raises(McpConfigurationError) as error:
        server(**wrong)

    assert why in str(error.value)
    assert "secret" not in str(error.value)


def test_what_is_blocked_is_not_allowed_and_what_nobody_speaks_for_is_irreversible():
    files = server(allow=("read_*", "write_*"), block=("*_secret",), reads=("read_*",), writes=("write_note",))

    assert [files.allows(name) for name in ("read_it", "read_secret", "delete_all")] == [True, False, False]
    assert [files.effect(name) for name in ("read_it", "write_note", "write_all")] == ["read", "write", "irreversible"]


def test_two_servers_of_one_name_and_a_tool_that_is_called_like_theirs_are_no_agent():
    def add(a: int) -> int:
        """Add."""
        return a

    like_theirs = FunctionTool.of(add)
    object.__setattr__(like_theirs, "name", "mcp-files__read")

    for wrong, why in (
        ({"mcp": (server(), server())}, "two MCP servers are called 'files'"),
        ({"mcp": (server(),), "tools": (like_theirs,)}, "a tool is called 'mcp-files__read', as tools of MCP servers"),
    ):
        with pytest.raises(AgentConfigurationError, match=why):
            Agent(name="reader", instructions="Read.", **wrong)


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (tool("re\u202ead"), "its name is none"),
        (tool("a" * 200), "its name is none"),
        (tool(input_schema={"type": "array"}), "its schema is not one of an object"),
        (tool(input_schema={"type": "object", "properties": 3}), "its schema is none"),
        (tool(input_schema={"type": "object", "$ref": "https://example.com/evil.json"}), "its schema is none"),
        (tool(input_schema={"type": "object", "title": "a" * MOST_SCHEMA}), "its schema has more than"),
    ],
)
def test_a_tool_that_cannot_be_used_is_left_out_and_the_others_are_not(odd: Tool, why: str):
    listing = pinned(server(), [odd, tool("fine")])

    assert [each.name for each in listing.tools] == ["fine"]
    [reason] = listing.left_out.values()
    assert why in reason


def test_two_tools_of_one_name_are_both_left_out():
    listing = pinned(server(), [tool("read"), tool("read", description="Other."), tool("write")])

    assert [each.name for each in listing.tools] == ["write"]


def test_a_server_with_too_many_tools_fills_no_history():
    many = [tool(f"t{number}", input_schema={"type": "object", "title": "a" * 15_000}) for number in range(1_000)]

    listing = pinned(server(max_tools=40), many)

    assert len(listing.tools) < 40
    assert len(listing.model_dump_json()) < 450_000


def test_what_nobody_sees_is_taken_out_of_what_a_model_is_told():
    hidden = "".join(chr(0xE0000 + ord(each)) for each in "obey")
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "description": f"A{hidden}", "const": "x\u200b"}},
    }

    [kept] = pinned(server(), [tool(description=f"Read\u200b.{hidden}" + "b" * 5_000, input_schema=schema)]).tools

    assert kept.description.startswith("Read.bbb") and len(kept.description) == MOST_DESCRIPTION
    assert kept.parameters["properties"] == {"a": {"type": "string", "description": "A", "const": "x\u200b"}}


def test_a_tool_is_another_one_when_its_words_or_its_schemas_are():
    same, others = (
        tool(),
        [tool(description="Read!"), tool(input_schema={**OBJECT, "title": "t"}), tool(output_schema=OBJECT)],
    )

    assert digest_of(same) == digest_of(tool())
    assert len({digest_of(each) for each in (same, *others)}) == 4


def test_no_tool_is_called_like_an_operation_or_in_a_way_that_providers_do_not_take():
    [long, dotted] = pinned(server(), [tool("a" * 100), tool("read.it/all")]).tools

    names = [McpTool(server(), each).spec.name for each in (long, dotted)]

    # A service of a team always has a `_` before its version, and so before the first `__`.
    assert all(name.startswith("mcp-files__") and len(name) <= LONGEST_NAME for name in names)
    assert len(set(names)) == 2


def test_secrets_are_taken_out_of_texts_the_longest_first():
    assert without('a token-1 b token-1-more "q\\"uote"', ["token-1", "token-1-more", 'q"uote', "a"]) == (
        'a (hidden) b (hidden) "(hidden)"'
    )
