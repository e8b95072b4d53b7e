"""The hooks of one run of the loop: shown what happens in it, and heard before it goes on."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace

from callboard_kit.agent.arguments import MalformedArgumentsError
from callboard_kit.agent.messages import ChatMessage, ModelReply, ModelRequest, ToolCall
from callboard_kit.agent.tools import OperationTool, Tool
from callboard_kit.approvals.asking import Decision
from callboard_kit.approvals.desk import ApprovalDesk
from callboard_kit.approvals.masking import shown
from callboard_kit.approvals.policies import Judgement
from callboard_kit.approvals.terms import Proposal
from callboard_kit.hooks.calling import Hooks, Stopped
from callboard_kit.hooks.seen import (
    ApprovalAnswered,
    ApprovalAsked,
    Line,
    ModelAnswered,
    ModelAsked,
    ToolAnswered,
    ToolAsked,
    WantedCall,
)

BY_HOOK = "hook"
"""The rule by which something is asked that only a hook wants asked."""


class HookStoppedError(Exception):
    """A hook ended the run; the message says which and why."""


class Hooking:
    """Shows a run to its hooks, in their own words."""

    def __init__(self, hooks: Hooks, *, agent: str) -> None:
        self._hooks = hooks
        self._agent = agent

    async def asking(self, request: ModelRequest) -> ModelRequest:
        """Return what the model is asked.

        Raises:
            HookStoppedError: It is not to be asked.
        """
        if not self._hooks:
            return request
        lines = tuple(Line.model_validate(each.model_dump()) for each in request.messages)
        seen = ModelAsked(agent=self._agent, messages=lines, tools=tuple(tool.name for tool in request.tools))
        passed = await self._hooks.pass_through("before_model", seen)
        if isinstance(passed, Stopped):
            raise HookStoppedError(passed.reason)
        if passed is seen:
            return request
        messages = tuple(ChatMessage.model_validate(line.model_dump()) for line in passed.messages)
        return request.model_copy(update={"messages": messages})

    async def answered(self, reply: ModelReply) -> ModelReply | Stopped:
        """Return what counts as the model's answer, or why the run ends here."""
        if not self._hooks:
            return reply
        seen = ModelAnswered(
            agent=self._agent,
            content=reply.content,
            tool_calls=tuple(WantedCall.model_validate(call.model_dump()) for call in reply.tool_calls),
            model=reply.model,
            finish_reason=reply.finish_reason,
            usage=reply.usage,
        )
        passed = await self._hooks.pass_through("after_model", seen)
        if isinstance(passed, Stopped) or passed is seen:
            return passed if isinstance(passed, Stopped) else reply
        calls = tuple(ToolCall.model_validate(call.model_dump()) for call in passed.tool_calls)
        return reply.model_copy(update={"content": passed.content, "tool_calls": calls})

    async def calling(
        self,
        call: ToolCall,
        tool: Tool,
        arguments: dict[str, object],
        read: Callable[[ToolCall], dict[str, object]],
    ) -> dict[str, object] | Stopped:
        """Return what a tool is called with, or why it is not.

        Args:
            call: As the model wrote it.
            tool: What it calls.
            arguments: What it calls it with.
            read: Reads the arguments of a call, and holds them against the tool's schema.
        """
        if not self._hooks:
            return arguments
        seen = ToolAsked(
            agent=self._agent,
            tool=call.name,
            service=tool.service,
            operation=tool.operation,
            effect=tool.effect,
            arguments=deepcopy(arguments),  # What a hook does to it in place is not what is called.
        )
        moment = "before_delegation" if isinstance(tool, OperationTool) else "before_tool"
        passed = await self._hooks.pass_through(moment, seen)
        if isinstance(passed, Stopped):
            return passed
        if passed is seen:
            return arguments
        try:
            return read(call.model_copy(update={"arguments": json.dumps(dict(passed.arguments))}))
        except (MalformedArgumentsError, TypeError, ValueError) as error:
            return Stopped(f"a hook changed the arguments to what {call.name!r} does not take: {error}")

    async def called(
        self, call: ToolCall, tool: Tool, arguments: dict[str, object], *, result: object = None, error: str = ""
    ) -> object:
        """Return what the model hears of a call that was made; a `Stopped` where it must not."""
        if not self._hooks:
            return result
        seen = ToolAnswered(
            agent=self._agent,
            tool=call.name,
            service=tool.service,
            operation=tool.operation,
            effect=tool.effect,
            arguments=deepcopy(arguments),
            result=deepcopy(result),
            error=error,
        )
        moment = "after_delegation" if isinstance(tool, OperationTool) else "after_tool"
        passed = await self._hooks.pass_through(moment, seen)
        if isinstance(passed, Stopped):
            return passed
        return result if passed is seen else passed.result

    async def decide(self, desk: ApprovalDesk, proposal: Proposal, demands: Sequence[Judgement]) -> Decision:
        """Have the desk decide, and hooks before and after it."""
        if not self._hooks:
            return await desk.decide(proposal, demands)
        judgement = desk.judge(proposal)
        seen = ApprovalAsked(
            agent=self._agent,
            service=proposal.service,
            operation=proposal.operation,
            effect=proposal.effect,
            arguments=shown(proposal.arguments, proposal.sensitive),
            action=judgement.action,
            rule=judgement.rule,
            reason=judgement.reason,
        )
        passed = await self._hooks.pass_through("before_approval", seen)
        if isinstance(passed, Stopped):
            return Decision(allowed=False, reason=passed.reason)
        if passed.action == "refuse" and judgement.action != "refuse":
            return Decision(allowed=False, reason=f"a hook does not allow it: {passed.reason}")
        if passed.action == "ask" and judgement.action == "allow":
            demands = (*demands, replace(judgement, action="ask", rule=BY_HOOK, reason=passed.reason))
        decision = await desk.decide(proposal, demands)
        after = await self._hooks.pass_through(
            "after_approval",
            ApprovalAnswered(
                agent=self._agent,
                service=proposal.service,
                operation=proposal.operation,
                allowed=decision.allowed,
                person=decision.person,
                reason=decision.reason,
            ),
        )
        return Decision(allowed=False, reason=after.reason) if isinstance(after, Stopped) else decision
