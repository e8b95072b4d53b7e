"""Ambient agents: they sleep on a schedule, wake, look, and act where they are sure enough; otherwise they ask."""

from callboard_kit.ambient.findings import (
    NO_REMEDY,
    Assessment,
    Detector,
    Finding,
    Handled,
    Planned,
    Report,
    Settled,
)
from callboard_kit.ambient.memory import Memory, Woken
from callboard_kit.ambient.policies import WatchPolicy
from callboard_kit.ambient.remedies import Remedy, RemedyKeeper
from callboard_kit.ambient.schedules import Wake, WatchSchedule, WatchStatus
from callboard_kit.ambient.watch import Waking, Watch

__all__ = [
    "NO_REMEDY",
    "Assessment",
    "Detector",
    "Finding",
    "Handled",
    "Memory",
    "Planned",
    "Remedy",
    "RemedyKeeper",
    "Report",
    "Settled",
    "Wake",
    "Waking",
    "Watch",
    "WatchPolicy",
    "WatchSchedule",
    "WatchStatus",
    "Woken",
]
