"""Context preparation: what an agent's model is to know before it begins, as a step of its own.

    plan = ContextPlan(sources=(FromOperation(…), FromActivity(…)), max_tokens=2_000)
    agent = Agent(name="support", instructions="…", context=plan)

Sources are fetched side by side, each with a deadline; what arrived is ranked and trimmed to a budget of tokens by
pure functions, and the model is told what is missing.
"""

from callboard_kit.context.briefs import Brief, BriefRule
from callboard_kit.context.pieces import Context, Found, Looking, Piece, Prepared, SourceRecord
from callboard_kit.context.plan import ContextPlan, ContextPlanError
from callboard_kit.context.sources import FromActivity, FromOperation, Source

__all__ = [
    "Brief",
    "BriefRule",
    "Context",
    "ContextPlan",
    "ContextPlanError",
    "Found",
    "FromActivity",
    "FromOperation",
    "Looking",
    "Piece",
    "Prepared",
    "Source",
    "SourceRecord",
]
