"""One line of a benchmark's answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.ratios import Estimate, estimate, ratios
from bench.rounds import Rounds

Unit = Literal["ms", "/s", "s", "lost", "out of turn", "kB"]


@dataclass(frozen=True)
class Bar:
    """Where a figure has to stay."""

    limit: float
    at_least: bool = False
    """Whether it is a floor; otherwise it is a ceiling."""

    unit: str = ""
    """Of a bar for the figure itself. Empty: it is for the ratio."""

    def holds(self, value: float) -> bool:
        """Tell whether `value` is on the right side."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        """Write it the way it is read."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Line:
    """What was measured of one thing, on one side, against another."""

    part: str
    """Which of the benchmarks."""

    settings: str
    """Temporal's settings, `tuned` or `default`; empty where there is no Temporal."""

    what: str
    """What was done."""

    side: str
    """On which side."""

    against: str
    """Compared with which."""

    unit: Unit
    value: float
    """The median over the rounds, on the side."""

    value_against: float
    """The same on the other."""

    ratio: Estimate
    """The median of the ratios of the rounds, and its interval."""

    noise: Estimate
    """The same, of the other side's second turn to its own first."""

    rounds: int
    bar: Bar | None = None
    """Where the ratio, or the value, has to stay; None: it is shown and not judged."""

    per_round: Sequence[float] = ()
    """The ratio of each round."""

    @property
    def verdict(self) -> str:
        """Return `holds`, `misses` or nothing."""
        if self.bar is None:
            return ""
        return "holds" if self.bar.holds(self.value if self.bar.unit else self.ratio.value) else "misses"


def times(
    rounds: Rounds, *, part: str, settings: str, what: str, side: str, against: str, bar: Bar | None = None
) -> Line:
    """Return the line for times, in milliseconds: a ratio above 1 is slower."""
    each = ratios(rounds.medians[side], rounds.medians[against])
    return Line(
        part=part,
        settings=settings,
        what=what,
        side=side,
        against=against,
        unit="ms",
        value=median(rounds.medians[side]) * 1e3,
        value_against=median(rounds.medians[against]) * 1e3,
        ratio=estimate(each),
        noise=estimate(ratios(rounds.second[against], rounds.first[against])),
        rounds=len(each),
        bar=bar,
        per_round=each,
    )


def rates(
    rounds: Rounds, *, part: str, settings: str, what: str, side: str, against: str, bar: Bar | None = None
) -> Line:
    """Return the line for calls per second, from seconds per call: a ratio below 1 is slower."""
    each = ratios(rounds.medians[against], rounds.medians[side])
    return Line(
        part=part,
        settings=settings,
        what=what,
        side=side,
        against=against,
        unit="/s",
        value=1 / median(rounds.medians[side]),
        value_against=1 / median(rounds.medians[against]),
        ratio=estimate(each),
        noise=estimate(ratios(rounds.first[against], rounds.second[against])),
        rounds=len(each),
        bar=bar,
        per_round=each,
    )
