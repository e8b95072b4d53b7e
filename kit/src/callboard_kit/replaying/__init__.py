"""Holds today's workflows to runs that began under yesterday's: replays their histories and judges the difference."""

from callboard_kit.replaying.gate import Gate, Judged, Verdict, worst
from callboard_kit.replaying.scheduled import Event, scheduled_events

__all__ = ["Event", "Gate", "Judged", "Verdict", "scheduled_events", "worst"]
