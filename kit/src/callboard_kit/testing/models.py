"""A model for tests that says what it was told to say, in the test's own process."""

import json
from collections.abc import Mapping, Sequence

from temporalio import activity

from callboard_contracts import Usage
from callboard_kit.agent.messages import CALL_MODEL, ModelReply, ModelRequest, ToolCall

Step = str | ModelReply | Sequence[ToolCall]
"""What to say once: words, tool calls, or a whole reply."""


def calling(name: str, arguments: Mapping[str, object] | str | None = None) -> ToolCall:
    """Call a tool; `arguments` as text may be as malformed as the test likes. The model gives the call its id."""
    text = arguments if isinstance(arguments, str) else json.dumps(dict(arguments or {}))
    return ToolCall(id="", name=name, arguments=text)


class ScriptedModel:
    """Says its steps one after the other, and remembers what it was asked.

    Register `call_model` as an activity in place of that of `ModelEndpoint`. The
    step is the number of the assistant's messages in the conversation, so several
    conversations may go on at once, and an attempt that is repeated hears the same.
    """

    def __init__(self, *steps: Step) -> None:
        self._steps = steps
        self.requests: list[ModelRequest] = []
        """What was asked, in order, repeated attempts included."""

    @activity.defn(name=CALL_MODEL)
    async def call_model(self, request: ModelRequest) -> ModelReply:
        """Say the next step.

        Raises:
            AssertionError: Everything has been said.
        """
        self.requests.append(request)
        position = sum(message.role == "assistant" for message in request.messages)
        assert position < len(self._steps), f"the script has {len(self._steps)} steps; this is step {position + 1}"
        step = self._steps[position]
        match step:
            case ModelReply():
                return step
            case str():
                return ModelReply(content=step, model="scripted", usage=Usage(model_calls=1))
            case _:
                calls = tuple(
                    call.model_copy(update={"id": call.id or f"call_{position}_{index}"})
                    for index, call in enumerate(step)
                )
                return ModelReply(
                    tool_calls=calls, finish_reason="tool_calls", model="scripted", usage=Usage(model_calls=1)
                )
