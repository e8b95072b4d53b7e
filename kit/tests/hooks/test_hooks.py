"""Hooks around model calls, tools and approvals: they see, change and stop."""

import asyncio
import json
import logging
import sys
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

sys.path.insert(0, str(Path(__file__).parent))

from hook_flows import Case, Paying

from callboard_kit.agent import Agent, AgentConfigurationError, OperationTool, Outcome, ToolCall
from callboard_kit.agent.hooking import Hooking
from callboard_kit.devserver import running
from callboard_kit.hooks import (
    ApprovalAnswered,
    ApprovalAsked,
    Hook,
    HookConfigurationError,
    HookGroup,
    ModelAnswered,
    ModelAsked,
    Stop,
    ToolAnswered,
    ToolAsked,
)
from callboard_kit.hooks.calling import Hooks
from callboard_kit.hooks.declaring import missing_groups
from callboard_kit.identity import SigningKey
from callboard_kit.plugin import MeshPlugin
from callboard_kit.testing import ScriptedModel, calling

KEY = SigningKey.generate("payer")


@dataclass
class Told:
    outcome: Outcome
    model: ScriptedModel
    history: str

    @property
    def results(self) -> list[Any]:
        """What the model heard of its tools."""
        return [json.loads(each.content or "") for each in self.model.requests[-1].messages if each.role == "tool"]


@pytest.fixture(scope="module")
async def address() -> AsyncGenerator[str]:
    async with running() as server:
        yield server.address


@pytest.fixture
def run(address: str) -> Any:
    async def play(hooks: Sequence[Hook], *steps: Any, names: Sequence[str] = ("mine",)) -> Told:
        model = ScriptedModel(*(steps or ([calling("pay", {"amount": 7, "card": "4111"})], "Paid.")))
        plugin = MeshPlugin(KEY, hooks=[HookGroup("mine", tuple(hooks))])
        client = await Client.connect(address, plugins=[plugin])
        queue = f"payer-{uuid.uuid4().hex[:8]}"
        async with Worker(client, task_queue=queue, workflows=[Paying], activities=[model.call_model]):
            case = Case(hooks=tuple(names))
            handle = await client.start_workflow(Paying.run, case, id=queue, task_queue=queue)
            outcome = await handle.result()
        return Told(outcome, model, (await handle.fetch_history()).to_json())

    return play


async def test_hooks_see_everything_in_the_order_in_which_it_happens(run: Any):
    seen: list[Any] = []
    moments = ("before_model", "after_model", "before_tool", "after_tool", "before_approval", "after_approval")

    told = await run([Hook(name="watch", at=moments, function=seen.append)])

    first = [type(each) for each in seen[:6]]
    assert first == [ModelAsked, ModelAnswered, ToolAsked, ApprovalAsked, ApprovalAnswered, ToolAnswered]
    assert [type(each) for each in seen[6:]] == [ModelAsked, ModelAnswered]
    assert (seen[2].service, seen[2].operation, seen[2].arguments) == ("local", "pay", {"amount": 7, "card": "4111"})
    assert (seen[3].action, seen[3].rule, seen[4].allowed) == ("allow", "automatic", True)
    assert (seen[5].result, seen[7].content) == ({"paid": 7}, "Paid.")
    assert told.outcome.answer == "Paid."
    assert "callboard.call_hook" not in told.history


async def test_hooks_change_what_is_asked_answered_called_and_heard(run: Any):
    def masked(seen: ModelAsked) -> ModelAsked:
        lines = [
            line.model_copy(update={"content": (line.content or "").replace("4111", "****")}) for line in seen.messages
        ]
        return seen.model_copy(update={"messages": tuple(lines)})

    def polite(seen: ModelAnswered) -> ModelAnswered | None:
        return None if seen.tool_calls else seen.model_copy(update={"content": f"{seen.content} Goodbye."})

    told = await run(
        [
            Hook(name="mask", at=("before_model",), function=masked),
            Hook(name="polite", at=("after_model",), function=polite),
            Hook(name="less", at=("before_tool",), function=lambda seen: _with(seen, arguments={"amount": 5})),
            Hook(name="round", at=("after_tool",), function=lambda seen: _with(seen, result=[seen.result, "rounded"])),
        ]
    )

    assert all("4111" not in (line.content or "") for request in told.model.requests for line in request.messages)
    assert told.results == [[{"paid": 5}, "rounded"]]
    assert told.outcome.answer == "Paid. Goodbye."


@pytest.mark.parametrize(
    ("moment", "outcome", "answer"),
    [
        ("before_tool", "refused", "Paid."),
        ("after_tool", "refused", "Paid."),
        ("before_approval", "refused", "Paid."),
        ("after_approval", "refused", "Paid."),
        ("before_model", None, "Stopped: hook 'no' of 'mine' stopped it: not today."),
        ("after_model", None, "Stopped: hook 'no' of 'mine' stopped it: not today."),
    ],
)
async def test_a_hook_stops_what_it_is_shown(run: Any, moment: Any, outcome: str | None, answer: str):
    told = await run([Hook(name="no", at=(moment,), function=lambda _: Stop("not today"))])

    assert told.outcome.answer == answer
    assert [call.outcome for call in told.outcome.calls] == ([outcome] if outcome else [])
    if outcome:
        assert told.results[0]["error"]["message"] == "hook 'no' of 'mine' stopped it: not today"
    else:
        assert told.outcome.stopped_because == "stopped"


async def test_a_hook_that_is_not_pure_runs_as_an_activity(run: Any):
    async def ask_elsewhere(seen: ToolAsked) -> ToolAsked:
        await asyncio.sleep(0)
        return seen.model_copy(update={"arguments": {"amount": 3}})

    told = await run([Hook(name="elsewhere", at=("before_tool",), function=ask_elsewhere, runs="activity")])

    assert told.results == [{"paid": 3}]
    assert "callboard.call_hook" in told.history


def raising(_seen: Any) -> None:
    raise RuntimeError("the secret is 4711")


async def sleeping(_seen: Any) -> None:
    await asyncio.sleep(20)


@pytest.mark.parametrize(
    "failing",
    [
        {"function": raising},
        {"function": raising, "runs": "activity"},
        {"function": sleeping, "runs": "activity", "timeout": timedelta(milliseconds=300)},
        {"function": lambda _: "yes"},
        {"function": lambda seen: seen.model_copy(update={"operation": "other"})},
    ],
)
async def test_a_hook_that_fails_blocks_or_is_only_reported_as_declared(
    run: Any, failing: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        blocked = await run([Hook(name="broken", at=("before_tool",), **failing)])
        reported = await run([Hook(name="broken", at=("before_tool",), on_failure="report", **failing)])

    assert [call.outcome for call in blocked.outcome.calls] == ["refused"]
    assert blocked.results[0]["error"]["message"] == "hook 'broken' of 'mine' could not be asked, so it is stopped"
    assert [call.outcome for call in reported.outcome.calls] == ["ok"]
    assert caplog.text.count("hook 'broken' of 'mine' failed") == 2


async def test_what_a_hook_makes_of_arguments_must_fit_the_tool_again(run: Any):
    told = await run([Hook(name="odd", at=("before_tool",), function=lambda seen: _with(seen, arguments={"sum": 1}))])

    assert [call.outcome for call in told.outcome.calls] == ["refused"]
    assert "a hook changed the arguments to what 'pay' does not take" in told.results[0]["error"]["message"]


async def test_what_a_hook_does_to_arguments_in_place_changes_nothing(run: Any):
    def meddle(seen: ToolAsked) -> None:
        seen.arguments["amount"] = 1  # pyright: ignore[reportIndexIssue] - that is what must not work

    told = await run([Hook(name="meddle", at=("before_tool",), function=meddle)])

    assert told.results == [{"paid": 7}]


async def test_a_hook_can_make_a_policy_stricter_and_never_laxer(run: Any):
    stricter = await run([Hook(name="ask", at=("before_approval",), function=lambda seen: _with(seen, action="ask"))])
    refusing = await run(
        [Hook(name="ask", at=("before_approval",), function=lambda seen: _with(seen, action="refuse"))]
    )

    # There is no inbox here: what nobody could be asked about does not happen.
    assert "needs approval, and nobody could be asked" in stricter.results[0]["error"]["message"]
    assert "a hook does not allow it" in refusing.results[0]["error"]["message"]


async def test_a_hook_hears_of_calls_that_failed(run: Any):
    seen: list[ToolAnswered] = []

    await run(
        [Hook(name="watch", at=("after_tool",), function=seen.append)], [calling("pay", {"amount": 5_000})], "No."
    )

    assert [(each.result, each.error) for each in seen] == [(None, "pay failed: too much")]


async def test_an_agent_whose_hooks_are_not_there_does_not_run(run: Any):
    with pytest.raises(WorkflowFailureError) as failed:
        await run([], names=("compliance",))

    assert "this worker has no group of hooks 'compliance'" in str(failed.value.cause)


def test_hooks_that_cannot_work_are_refused_when_they_are_made():
    for wrong, why in (
        ({"name": "No!"}, "cannot be called that"),
        ({"at": ()}, "the moments are before_model, after_model"),
        ({"at": ("sometimes",)}, "is called at"),
        ({"function": sleeping}, "give it `runs='activity'`"),
        ({"attempts": 0}, "has no time or no attempt"),
    ):
        with pytest.raises(HookConfigurationError, match=why):
            Hook(**{"name": "mine", "at": ("before_tool",), "function": raising, **wrong})
    hook = Hook(name="one", at=("before_tool",), function=raising)
    with pytest.raises(HookConfigurationError, match="two hooks of group 'mine' are called 'one'"):
        HookGroup("mine", (hook, hook))
    with pytest.raises(HookConfigurationError, match="two groups of hooks are called 'mine'"):
        MeshPlugin(KEY, hooks=[HookGroup("mine", ()), HookGroup("mine", ())])
    with pytest.raises(AgentConfigurationError, match="the group of hooks 'mine' is named twice"):
        Agent(name="payer", instructions="Pay.", hooks=("mine", "mine"))


def test_a_worker_whose_agents_name_other_hooks_says_so_before_it_serves():
    agent = Agent(name="payer", instructions="Pay.", hooks=("mine", "other"))

    assert missing_groups([HookGroup("mine", ()), HookGroup("other", ())], [agent]) is None
    assert "agent 'payer' names hooks 'other'" in (missing_groups([HookGroup("mine", ())], [agent]) or "")


def _with(seen: Any, **changes: Any) -> Any:
    return seen.model_copy(update=changes)


async def test_delegation_has_moments_of_its_own():
    seen: list[Any] = []
    watch = Hook(name="watch", at=("before_delegation", "after_delegation"), function=seen.append)
    never = Hook(name="never", at=("before_tool", "after_tool"), function=lambda _: Stop("no tool"))
    hooking = Hooking(Hooks([HookGroup("mine", (watch, never))]), agent="payer")
    tool = OperationTool(
        service="orders.v1",
        operation="cancel",
        endpoint="orders",
        description="Cancel.",
        parameters={"type": "object"},
        longest=timedelta(seconds=1),
    )
    call = ToolCall(id="1", name="orders_v1__cancel", arguments="{}")

    assert await hooking.calling(call, tool, {}, lambda _: {}) == {}
    assert await hooking.called(call, tool, {}, result="done") == "done"
    assert [(type(each), each.service) for each in seen] == [(ToolAsked, "orders.v1"), (ToolAnswered, "orders.v1")]
