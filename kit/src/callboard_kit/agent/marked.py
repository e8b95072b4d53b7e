"""A conversation as a model is given it: what others wrote is marked as theirs, and the system says what that means."""

from collections.abc import Sequence

from callboard_kit.agent.messages import ChatMessage, ModelRequest
from callboard_kit.marking import as_data, as_request, notice


def marked(request: ModelRequest, mark: str) -> ModelRequest:
    """Return `request` with everything marked that the loop did not write itself, and with the words that explain it.

    What the model said before stays as it is: it is the model's own, and changes nothing by being read again.
    """
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    messages = [_marked(message, mark, names.get(message.tool_call_id or "")) for message in request.messages]
    return request.model_copy(update={"messages": tuple(_explained(messages, mark))})


def _marked(message: ChatMessage, mark: str, tool: str | None) -> ChatMessage:
    text = message.content or ""
    match message.role:
        case "tool":
            return message.model_copy(update={"content": as_data(text, mark, tool=tool)})
        case "user" if message.source is not None:
            return message.model_copy(update={"content": as_data(text, mark, tool=None, source=message.source)})
        case "user" if not message.own:
            return message.model_copy(update={"content": as_request(text, mark)})
        case _:
            return message


def _explained(messages: Sequence[ChatMessage], mark: str) -> Sequence[ChatMessage]:
    said = notice(mark)
    first = messages[0] if messages else None
    if first is None or first.role != "system":
        return (ChatMessage(role="system", content=said), *messages)
    return (first.model_copy(update={"content": f"{first.content}\n\n{said}"}), *messages[1:])
