"""The planner: answers without a script."""

from callboard.offline_model.wire import ChatRequest, Reply


def plan(request: ChatRequest) -> Reply:
    """Answer from the words and the results so far."""
    return Reply(content=f"I am the offline script player, not a model; no script fits {request.first_words[:80]!r}.")
