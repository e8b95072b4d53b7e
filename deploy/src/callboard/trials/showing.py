"""How experiments and shadows are shown: to people in a table, to programs as data."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from callboard_kit.rollouts.intervals import Estimate, share
from callboard_kit.trials.reporting import CONFIDENCE, Effect, ExperimentReport, Metric
from callboard_kit.trials.shadow import ShadowReport

_FIGURES: Final[Mapping[Metric, Callable[[float], str]]] = {
    "success": lambda value: f"{value * 100:.1f} %",
    "refusals": lambda value: f"{value * 100:.1f} %",
    "failures": lambda value: f"{value * 100:.1f} %",
    "latency": lambda value: f"{value:.2f} s",
    "tokens": lambda value: f"{value:.0f}",
    "cost": lambda value: f"{value:.4f} $",
    "mean cost": lambda value: f"{value:.4f} $",
}
_SHARES: Final = frozenset({"success", "refusals", "failures"})


def experiment_rows(report: ExperimentReport) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield a line for each metric: name, arm a, arm b, difference, size of the effect, what that says."""
    yield "units", str(report.a.units), str(report.b.units), "", "", _got(report)
    for each in report.effects:
        yield (
            each.metric,
            _figure(each.metric, each.a),
            _figure(each.metric, each.b),
            _figure(each.metric, each.more),
            _size(each),
            each.verdict,
        )


def experiment_data(report: ExperimentReport, ended: datetime | None) -> dict[str, object]:
    """Return everything about an experiment, for programs."""
    return {
        "experiment": report.experiment.model_dump(mode="json"),
        "ended": None if ended is None else ended.isoformat(),
        "units": {"a": report.a.units, "b": report.b.units},
        "calls": report.calls,
        "misplaced": report.misplaced,
        "share_of_b": _estimate(report.got),
        "dealt_fairly": report.dealt_fairly,
        "truncated": report.truncated,
        "effects": [
            {
                "metric": each.metric,
                "a": _estimate(each.a),
                "b": _estimate(each.b),
                "difference": _estimate(each.more),
                "size": each.size,
                "scale": "cohens_h" if each.metric in _SHARES else "cliffs_delta",
                "verdict": each.verdict,
            }
            for each in report.effects
        ],
    }


def agreement(report: ShadowReport) -> Iterator[tuple[str, int, Estimate | None]]:
    """Yield in what answers and effects agreed, in how many copies, and how large that share is."""
    for name, hits in (
        ("everything", report.agreed),
        ("answers", report.same_answers),
        ("effects", report.same_effects),
    ):
        yield name, hits, share(hits, report.compared, confidence=CONFIDENCE)


def shadow_data(report: ShadowReport) -> dict[str, object]:
    """Return everything about a shadow, for programs."""
    return {
        **report.model_dump(mode="json"),
        "agreement": {name: _estimate(estimate) for name, _, estimate in agreement(report)},
    }


def percents(estimate: Estimate | None) -> str:
    """Return a share with its interval, or that there is none."""
    if estimate is None:
        return "not enough data"
    return f"{estimate.value * 100:.1f} % ({estimate.low * 100:.1f} to {estimate.high * 100:.1f})"


def _figure(metric: Metric, estimate: Estimate | None) -> str:
    if estimate is None:
        return "not enough data"
    value, low, high = (_FIGURES[metric](each) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _size(effect: Effect) -> str:
    if effect.size is None:
        return ""
    return f"{'h' if effect.metric in _SHARES else 'δ'} = {effect.size:+.2f}"


def _got(report: ExperimentReport) -> str:
    if report.dealt_fairly:
        return ""
    return f"b was to get {report.experiment.share:g} %: something loses units of one arm"


def _estimate(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else {"value": estimate.value, "low": estimate.low, "high": estimate.high}
