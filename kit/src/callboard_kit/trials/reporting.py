"""What an experiment came to: both arms side by side, from the call records that the registry holds.

What is counted are units, the roots or the entities that were dealt out, and not calls: the calls of one tree have
the same cause to fail, and counted one by one they would make every interval too narrow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from callboard_kit.rollouts.intervals import Estimate, difference, mean, middle, share
from callboard_kit.trials.assigning import Arm, Experiment
from callboard_kit.trials.dry import ROOT
from callboard_kit.trials.effects import FEWEST, cliffs_delta, cohens_h, mean_difference, shift
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.model import CallRecord

Metric = Literal["success", "refusals", "failures", "latency", "tokens", "cost", "mean cost"]
Verdict = Literal["b has more", "b has less", "no difference shown", "not enough data"]

CONFIDENCE: Final = 0.95
"""Of the intervals, unless something else is asked for."""

MOST_RECORDS: Final = 20_000
"""Call records of one operation that are looked at, the newest ones."""

_SURELY: Final = 0.999
_PAGE: Final = 1_000


@dataclass
class Lot:
    """What became of one unit."""

    calls: int = 0
    failed: int = 0
    refused: int = 0
    seconds: float = 0.0
    tokens: int = 0
    cost: float | None = None
    """US dollars; None when none of its calls said what it cost."""


@dataclass
class ArmSample:
    """What became of the units of one arm."""

    build: str
    lots: list[Lot] = field(default_factory=list[Lot])

    @property
    def units(self) -> int:
        """How many there are."""
        return len(self.lots)

    def hits(self, metric: Metric) -> int:
        """Return how many units count for a share: those with a failure, with a refusal, or with neither."""
        if metric == "failures":
            return sum(lot.failed > 0 for lot in self.lots)
        if metric == "refusals":
            return sum(lot.refused > 0 for lot in self.lots)
        return sum(not lot.failed and not lot.refused for lot in self.lots)

    def values(self, metric: Metric) -> list[float]:
        """Return a figure of each unit, its calls added up; of those that have it."""
        if metric == "latency":
            return [lot.seconds for lot in self.lots]
        if metric == "tokens":
            return [float(lot.tokens) for lot in self.lots if lot.tokens]
        return [lot.cost for lot in self.lots if lot.cost is not None]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One metric of both arms. None where there is not enough to say."""

    metric: Metric
    a: Estimate | None
    b: Estimate | None
    more: Estimate | None
    """How much more arm b has of it."""

    size: float | None
    """How large that is on a scale of its own: Cohen's h of shares, Cliff's delta of everything else."""

    @property
    def verdict(self) -> Verdict:
        """What the interval says: a difference is shown when it does not hold 0."""
        if self.more is None:
            return "not enough data"
        if self.more.low > 0:
            return "b has more"
        return "b has less" if self.more.high < 0 else "no difference shown"


@dataclass(frozen=True, kw_only=True)
class ExperimentReport:
    """An experiment and what it came to."""

    experiment: Experiment
    a: ArmSample
    b: ArmSample
    effects: tuple[Effect, ...]
    got: Estimate | None
    """The share of the units that arm b got, in the interval that holds all but one of 1,000."""

    misplaced: int
    """Units left out because some of their work was done by another build than theirs: while workers had not heard of
    the experiment, or had none of that build."""

    calls: int
    truncated: bool = False
    """Whether there were more records than are looked at."""

    @property
    def dealt_fairly(self) -> bool:
        """Whether the arms got what they were to get. If not, something loses or favours one of them."""
        return self.got is None or self.got.low <= self.experiment.share / 100 <= self.got.high


def report_of(
    experiment: Experiment, records: Iterable[CallRecord], *, confidence: float = CONFIDENCE, truncated: bool = False
) -> ExperimentReport:
    """Return what call records say of an experiment."""
    lots: dict[str, Lot] = {}
    stray: set[str] = set()
    calls = 0
    for record in _ends(experiment, records):
        unit = experiment.unit(root=record.root, entity=record.entity)
        if not unit:
            continue
        calls += 1
        if record.build and record.build != experiment.build(experiment.arm(unit)):
            stray.add(unit)
            continue
        _add(lots.setdefault(unit, Lot()), record)
    arms: dict[Arm, ArmSample] = {"a": ArmSample(experiment.a), "b": ArmSample(experiment.b)}
    for unit, lot in lots.items():
        if unit not in stray:
            arms[experiment.arm(unit)].lots.append(lot)
    a, b = arms["a"], arms["b"]
    return ExperimentReport(
        experiment=experiment,
        a=a,
        b=b,
        effects=(
            *(_of_shares(each, a, b, confidence) for each in ("success", "refusals", "failures")),
            *(_of_values(each, a, b, confidence) for each in ("latency", "tokens", "cost")),
            _of_means(a, b, confidence),
        ),
        got=share(b.units, a.units + b.units, confidence=_SURELY),
        misplaced=len(stray),
        calls=calls,
        truncated=truncated,
    )


async def read_records(
    registry: RegistryClient, experiment: Experiment, *, until: datetime
) -> tuple[Sequence[CallRecord], bool]:
    """Return the call records of an experiment's operations while it was in force, and whether there are more.

    Raises:
        RegistryError: The registry does not say.
    """
    found: list[CallRecord] = []
    more = False
    for name in experiment.operations:
        service, _, operation = name.rpartition(".")
        which = CallFilter(service=service, operation=operation, since=experiment.began, until=until)
        after, seen = "", 0
        while True:
            page = await registry.audit.calls(which, after=after, page_size=_PAGE, newest_first=True)
            found.extend(page.records)
            seen += len(page.records)
            if len(page.records) < _PAGE:
                break
            if seen >= MOST_RECORDS:
                more = True
                break
            after = page.cursor
    return found, more


def _ends(experiment: Experiment, records: Iterable[CallRecord]) -> Iterable[CallRecord]:
    """Return how each call ended that a workflow answered, as its own team saw it: once, and as reported if it was."""
    ends: dict[str, CallRecord] = {}
    for record in records:
        # What is refused at the door never reaches a build, and what was cancelled says nothing of one.
        if record.outcome in ("started", "cancelled") or record.duration is None or record.root.startswith(ROOT):
            continue
        if record.reporter not in ("", experiment.team):
            continue
        held = ends.get(record.token_id)
        if held is None or (held.derived and not record.derived):
            ends[record.token_id] = record
    return ends.values()


def _add(lot: Lot, record: CallRecord) -> None:
    lot.calls += 1
    lot.refused += record.outcome == "refused"
    lot.failed += record.outcome in ("failed", "unavailable")
    lot.seconds += 0.0 if record.duration is None else record.duration.total_seconds()
    lot.tokens += record.input_tokens + record.output_tokens
    if record.cost_usd is not None:
        lot.cost = (lot.cost or 0.0) + record.cost_usd


def _of_shares(metric: Metric, a: ArmSample, b: ArmSample, confidence: float) -> Effect:
    one = share(a.hits(metric), a.units, confidence=confidence)
    other = share(b.hits(metric), b.units, confidence=confidence)
    if one is None or other is None or min(a.units, b.units) < FEWEST:
        return Effect(metric=metric, a=one, b=other, more=None, size=None)
    return Effect(metric=metric, a=one, b=other, more=difference(other, one), size=cohens_h(other.value, one.value))


def _of_values(metric: Metric, a: ArmSample, b: ArmSample, confidence: float) -> Effect:
    one, other = a.values(metric), b.values(metric)
    more = shift(other, one, confidence=confidence)
    return Effect(
        metric=metric,
        a=middle(one, confidence=confidence),
        b=middle(other, confidence=confidence),
        more=more,
        size=None if more is None else cliffs_delta(other, one),
    )


def _of_means(a: ArmSample, b: ArmSample, confidence: float) -> Effect:
    one, other = a.values("mean cost"), b.values("mean cost")
    more = mean_difference(other, one, confidence=confidence)
    return Effect(
        metric="mean cost",
        a=mean(one, confidence=confidence),
        b=mean(other, confidence=confidence),
        more=more,
        size=None if more is None else cliffs_delta(other, one),
    )
