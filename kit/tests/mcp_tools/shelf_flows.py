"""An agent that uses an MCP server, in a module that Temporal's sandbox can load."""

from datetime import timedelta
from typing import Final

from temporalio import workflow

from callboard_contracts import Message
from callboard_kit.agent import Agent, Outcome
from callboard_kit.approvals import ApprovalRule, Automatic, ByRules, When
from callboard_kit.mcp_tools import Http, McpServer, Stdio

ALLOWED: Final = (
    "read_*",
    "write_*",
    "count",
    "long",
    "picture",
    "fail",
    "die",
    "surroundings",
    "turn",
    "who",
    "format_*",
)

REFUSING: Final = ByRules(
    rules=(
        ApprovalRule(name="notes", when=When(tools=("mcp-*.write_note",), effects=("write",)), action="refuse"),
        ApprovalRule(name="reads", when=When(effects=("read",)), action="allow"),
    )
)


class Case(Message):
    command: tuple[str, ...] = ()
    url: str = ""
    goal: str = "Go."
    required: bool = False
    refusing: bool = False
    timeout: timedelta = timedelta(seconds=20)


def shelf_of(case: Case) -> McpServer:
    """Return the server of a case; the same for its worker and its run."""
    return McpServer(
        name="shelf",
        reached=Http(url=case.url, bearer="SHELF_TOKEN")
        if case.url
        else Stdio(command=case.command[0], arguments=case.command[1:], environment=("SHELF_TOKEN",)),
        allow=ALLOWED,
        block=("format_*",),
        reads=("read_*", "count"),
        writes=("write_*",),
        required=case.required,
        timeout=case.timeout,
        max_result_characters=200,
    )


@workflow.defn
class Reading:
    """Runs an agent with the server of a case."""

    @workflow.run
    async def run(self, case: Case) -> Outcome:
        agent = Agent(
            name="reader",
            instructions="Read.",
            mcp=(shelf_of(case),),
            approvals=REFUSING if case.refusing else Automatic(),
        )
        return await agent.run(case.goal)
