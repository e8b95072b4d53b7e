"""How a rollout is shown: to people in a table, to programs as data."""

from collections.abc import Iterator

from callboard.rollouts.conducting import BuildReport, Report
from callboard_kit.rollouts.deployment import Build, Routing
from callboard_kit.rollouts.intervals import Estimate, share
from callboard_kit.rollouts.judging import CONFIDENCE, Compared, Sample
from callboard_kit.rollouts.saying import figure


def state_of(report: BuildReport) -> str:
    """Return what a build is up to; one is drained only when nothing runs on it."""
    if report.build.state in ("draining", "drained"):
        return "draining" if report.in_flight else "drained"
    return report.build.state


def share_of(routing: Routing, build: Build) -> str:
    """Return the share of new work that a build is to get."""
    return f"{_percent(routing, build):g} %" if _percent(routing, build) else ""


def comparison(report: Report) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a line for each thing in which the two builds are compared: name, old, new, difference, remark."""
    old, new = report.old, report.new
    if old is None or new is None:
        return
    got = _got(old, new)
    yield "share of new runs", "", "" if got is None else _percents(got), "", f"{new.started} of {_begun(old, new)}"
    yield "runs ended", str(old.ended), str(new.ended), "", ""
    for each in report.compared:
        more = "" if each.more is None else figure(each.metric, each.more)
        yield each.metric, figure(each.metric, each.old), figure(each.metric, each.new), more, _remark(each)


def report_data(report: Report) -> dict[str, object]:
    """Return everything about a rollout, for programs."""
    routing = report.routing
    return {
        "team": report.team,
        "current": routing.current or None,
        "ramping": routing.ramping or None,
        "percent": routing.percent,
        "since": None if routing.since is None else routing.since.isoformat(),
        "builds": [
            {
                "build": each.build.name,
                "state": state_of(each),
                "percent": _percent(routing, each.build),
                "in_flight": each.in_flight,
                "registered": each.build.registered.isoformat(),
            }
            for each in report.builds
        ],
        "samples": [_sample(each) for each in (report.old, report.new) if each is not None],
        "comparison": [
            {
                "metric": each.metric,
                "current": _estimate(each.old),
                "ramping": _estimate(each.new),
                "difference": _estimate(each.more),
                "worse": each.worse,
            }
            for each in report.compared
        ],
        "auto": None if report.by_itself is None else report.by_itself.model_dump(mode="json"),
    }


def _percent(routing: Routing, build: Build) -> float:
    if build.name == routing.ramping:
        return routing.percent
    return 100.0 - routing.percent if build.name == routing.current else 0.0


def _got(old: Sample, new: Sample) -> Estimate | None:
    return share(new.started, _begun(old, new), confidence=CONFIDENCE)


def _begun(old: Sample, new: Sample) -> int:
    return old.started + new.started


def _percents(estimate: Estimate) -> str:
    return f"{estimate.value * 100:.1f} % ({estimate.low * 100:.1f} to {estimate.high * 100:.1f})"


def _remark(compared: Compared) -> str:
    return "worse" if compared.worse else ""


def _sample(sample: Sample) -> dict[str, object]:
    return sample.model_dump(mode="json", exclude={"seconds", "costs"})


def _estimate(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else {"value": estimate.value, "low": estimate.low, "high": estimate.high}
