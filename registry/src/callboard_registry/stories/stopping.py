"""What a history tells of an agent that stopped before its work was done, and why."""

import re
from collections.abc import Mapping
from typing import Final

from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionCompletedEventAttributes

from callboard_kit.agent.messages import ModelReply
from callboard_registry.audit.deriving import plain
from callboard_registry.audit.operations import moment_of
from callboard_registry.stories.model import Happening
from callboard_registry.stories.questions import read_object

_WHY: Final[Mapping[str, str]] = {
    "max_steps": "it has made all the steps that it may",
    "max_tokens": "the tokens that it may use are used up",
    "max_cost": "the money that it may spend is spent",
    "max_time": "its time is over",
    "budget": "a budget of its team is used up",
    "cut_off": "the provider cut the model's answer off for its length",
    "filtered": "the provider held the model's answer back",
    "guarded": "a guard let it not go on",
    "stopped": "a hook let it not go on",
}
"""Why, by the word that an agent's outcome has for it."""

_LIMIT: Final = re.compile(r"Stopped at the limit of ([a-z_ ]{1,40}), before the work was done")


def not_asked(reply: ModelReply) -> str:
    """Return why a model was not asked after all; empty where it was."""
    if reply.finish_reason != "over_budget":
        return ""
    whose = reply.budget or "the budget of this piece of work"
    return f"not asked: it could have taken more than is left of {whose}"


def stop_told(event: HistoryEvent, told: WorkflowExecutionCompletedEventAttributes) -> Happening | None:
    """Return that an agent stopped before its work was done; None where it did not, or does not say so."""
    document = read_object(plain(told.result.payloads[0])) if told.result.payloads else {}
    why = _WHY.get(str(document.get("stopped_because", "")), "")
    # Agents that answer in words alone begin with it.
    if not why and (limit := _LIMIT.match(str(document.get("answer", "")))):
        why = f"the limit of {limit[1]} is reached"
    if not why:
        return None
    at = moment_of(event.event_time)
    return Happening(
        number=event.event_id,
        kind="stop",
        at=at,
        ended=at,
        title="Stops before the work is done",
        outcome="refused",
        reason=why,
    )
