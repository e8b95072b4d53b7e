"""Planning without a model: the demo's retail cases, from their words, by rules written down here.

The plan is worked out afresh for every request, from the user's last words and
from the results that stand after them; where a result is missing, the plan asks
for it and waits. Who the user is may have been said before. So it needs no
memory, and a repeated request is answered alike.
"""

from callboard.offline_model.planner.casework import work
from callboard.offline_model.planner.desk import Desk, WaitingError
from callboard.offline_model.planner.words import asks_who, read_turn
from callboard.offline_model.wire import ChatRequest, Reply, with_ids

INTRODUCTION = (
    "I am the offline script player, not a model: I play scripts and follow rules that someone wrote. "
    "Set OPENAI_BASE_URL, OPENAI_API_KEY and CALLBOARD_MODEL to have a model in my place."
)


def plan(request: ChatRequest) -> Reply:
    """Answer with the calls that can be made next, all at once, or with the end of the matter."""
    last = request.messages[-1]
    if last.role == "user" and asks_who(last.text):
        return Reply(content=INTRODUCTION)
    case = read_turn(request.said)
    if not case.wishes:
        return Reply(content=f"{INTRODUCTION} I found no wish in your words that my rules know.")
    desk = Desk(request)
    try:
        return Reply(content=work(case, desk))
    except WaitingError:
        return Reply(calls=with_ids(desk.wanted, request))
