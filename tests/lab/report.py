"""What a lab says at its end: for people, and as JSON."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from tests.lab.killing import Kill
from tests.lab.trial import Findings, Traces


def document(findings: Findings, traces: Traces, kills: Sequence[Kill], *, settings: dict[str, Any]) -> dict[str, Any]:
    """Return everything that was counted. Any: JSON."""
    away = [kill.away for kill in kills if kill.away is not None]
    return {
        "settings": settings,
        "tasks": findings.tasks,
        "right": findings.right,
        "wrong": findings.wrong,
        "effects": findings.effects,
        "effects_twice": findings.twice,
        "effects_lost": findings.lost,
        "model_calls_finished": traces.finished,
        "model_requests": traces.requests,
        "model_calls_repeated": list(traces.repeated),
        "workflows_unfinished": list(traces.unfinished),
        "activities_tried_again": traces.tried_again,
        "kills_right_after_an_effect": sum(kill.ambush for kill in kills),
        "kills": dict(sorted(Counter(kill.part for kill in kills).items())),
        "recovery_seconds": {
            part: _spread([kill.away for kill in kills if kill.part == part and kill.away is not None])
            for part in sorted({kill.part for kill in kills})
        }
        | {"all": _spread(away)},
        "task_seconds": _spread(findings.seconds),
        "longest_call_seconds": round(traces.longest_call, 2),
    }


def passed(found: dict[str, Any]) -> bool:
    """Return whether nothing is wrong, nothing happened twice or not at all, and nothing was asked again in vain."""
    return found["right"] == found["tasks"] and not any(
        found[name]
        for name in ("wrong", "effects_twice", "effects_lost", "model_calls_repeated", "workflows_unfinished")
    )


def lines(found: dict[str, Any]) -> list[str]:
    """Return the same for people."""
    killed = ", ".join(f"{part} {count}" for part, count in found["kills"].items())
    recovery = found["recovery_seconds"]
    return [
        f"tasks right                    {found['right']} of {found['tasks']}",
        f"effects                        {found['effects']}, {len(found['effects_twice'])} twice,"
        f" {len(found['effects_lost'])} lost",
        f"model calls                    {found['model_calls_finished']} finished,"
        f" {found['model_requests']} requests for them,"
        f" {len(found['model_calls_repeated'])} repeated after their completion",
        f"workflows left unfinished      {len(found['workflows_unfinished'])}",
        f"kills                          {sum(found['kills'].values())} ({killed or 'none'}),"
        f" {found['kills_right_after_an_effect']} right after an effect",
        f"activities tried again         {found['activities_tried_again']}",
        *(
            f"back after, {part:18} median {each['median']:.1f} s, worst {each['worst']:.1f} s"
            for part, each in recovery.items()
            if each
        ),
        f"a task took                    median {found['task_seconds']['median']:.1f} s,"
        f" worst {found['task_seconds']['worst']:.1f} s",
        f"the slowest call over Nexus    {found['longest_call_seconds']:.1f} s",
    ]


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {"median": round(median(seconds), 2), "worst": round(max(seconds), 2)} if seconds else {}
