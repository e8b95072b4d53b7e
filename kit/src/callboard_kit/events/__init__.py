"""What happens in a tree of calls, told live: one stream of events per tree, on Redis.

Events are for watching. Results and decisions stand in Temporal; losing every event loses none of them.
"""

from callboard_kit.events.model import (
    KINDS,
    ApprovalAnswered,
    ApprovalAsked,
    CallEnded,
    CallStarted,
    Detail,
    Event,
    Gap,
    GuardBlocked,
    Kind,
    RunEnded,
    RunOutcome,
    RunStarted,
    StepEnded,
    StepRetracted,
    StepStarted,
    TextDelta,
    ToolCalled,
    ToolReturned,
    Used,
    kind_of,
    stream_of,
)
from callboard_kit.events.telling import step, tell, words

__all__ = [
    "KINDS",
    "ApprovalAnswered",
    "ApprovalAsked",
    "CallEnded",
    "CallStarted",
    "Detail",
    "Event",
    "Gap",
    "GuardBlocked",
    "Kind",
    "RunEnded",
    "RunOutcome",
    "RunStarted",
    "StepEnded",
    "StepRetracted",
    "StepStarted",
    "TextDelta",
    "ToolCalled",
    "ToolReturned",
    "Used",
    "kind_of",
    "step",
    "stream_of",
    "tell",
    "words",
]
