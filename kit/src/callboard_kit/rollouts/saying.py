"""How figures of builds are put into words."""

from collections.abc import Callable, Mapping
from typing import Final

from callboard_kit.rollouts.intervals import Estimate
from callboard_kit.rollouts.judging import Compared, Metric

_UNITS: Final[Mapping[Metric, Callable[[float], str]]] = {
    "errors": lambda value: f"{value * 100:.1f} %",
    "refusals": lambda value: f"{value * 100:.1f} %",
    "overdue": lambda value: f"{value * 100:.1f} %",
    "latency": lambda value: f"{value:.2f} s",
    "cost": lambda value: f"{value:.4f} $",
}


def figure(metric: Metric, estimate: Estimate | None) -> str:
    """Return a figure with its interval, or that there is none."""
    if estimate is None:
        return "too few runs"
    value, low, high = (_UNITS[metric](each) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def said_of(compared: Compared) -> str:
    """Return in what a new build is worse than the old one."""
    return f"{compared.metric}: {figure(compared.metric, compared.new)} against {figure(compared.metric, compared.old)}"
