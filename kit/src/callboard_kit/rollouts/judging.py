"""Whether the new build is worse than the old one, and how sure that is.

The same question is asked again and again while runs come in, and each time it could be answered wrongly by chance. So
it is asked at set numbers of runs only, and each look gets a part of the chance of error that all of them may have
together: 6/(π²k²) of it for the k-th look, which adds up to one however many looks there are.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from callboard_kit.messages import KitMessage
from callboard_kit.rollouts.intervals import Estimate, difference, mean, middle, share

Metric = Literal["errors", "refusals", "overdue", "latency", "cost"]

CONFIDENCE: Final = 0.95
"""Of the intervals that people are shown."""

LOOKS: Final = (10, 25, 50)
"""After how many runs of the new build, ended or hanging, it is judged; from the last on, each time that there are
twice as many."""


class Sample(KitMessage):
    """What became of one build's runs since the ramp began."""

    build: str
    ended: int = 0
    """Runs that came to an end of their own; those that somebody cancelled do not count."""

    errors: int = 0
    """Of these, those that failed, ran out of time or were terminated."""

    refusals: int = 0
    """Of these, those that refused what was asked."""

    seconds: tuple[float, ...] = ()
    """How long each took."""

    costs: tuple[float, ...] = ()
    """What those cost, in US dollars, that said so."""

    started: int = 0
    """Runs that began since the ramp did, those that still go on included."""

    in_flight: int = 0
    """Runs that go on now, whenever they began."""

    patience: float | None = None
    """The seconds after which a run is overdue, by what the old build's runs take. None: too few of them ended."""

    waited: int = 0
    """Runs that began at least `patience` ago."""

    overdue: int = 0
    """Of these, those that took longer than that, or have."""

    hanging: int = 0
    """Of these, those that go on."""

    @property
    def decided(self) -> int:
        """How many runs there is something to say of: they ended, or should have long ago."""
        return self.ended + self.hanging


FEWEST_TO_WAIT_FOR: Final = 10
"""Runs of the old build from which on it is known how long one takes."""

LEAST_PATIENCE: Final = 10.0
"""Seconds within which no run is overdue: Temporal's visibility may tell of an end a few seconds late."""

_MOST_OF_THEM: Final = 0.9
_TIMES: Final = 3.0


@dataclass(frozen=True)
class Guard:
    """One thing in which a new build must not be worse."""

    risk: float
    """The chance, over a whole rollout, that a build that is as good as the old one is rolled back for this."""

    tolerated: float = 0.0
    """How much more than the old build's figure is let pass, as a part of that."""


GUARDS: Final[Mapping[Metric, Guard]] = {
    "errors": Guard(risk=0.02),
    "refusals": Guard(risk=0.01),
    "overdue": Guard(risk=0.005),
    "latency": Guard(risk=0.01, tolerated=0.25),
    "cost": Guard(risk=0.005, tolerated=0.25),
}
_FIGURES: Final[Mapping[Metric, Callable[[Sample, float], Estimate | None]]] = {
    "errors": lambda sample, sure: share(sample.errors, sample.ended, confidence=sure),
    "refusals": lambda sample, sure: share(sample.refusals, sample.ended, confidence=sure),
    "overdue": lambda sample, sure: share(sample.overdue, sample.waited, confidence=sure),
    "latency": lambda sample, sure: middle(sample.seconds, confidence=sure),
    "cost": lambda sample, sure: mean(sample.costs, confidence=sure),
}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One metric of two builds, side by side. None: there is not enough to say."""

    metric: Metric
    old: Estimate | None
    new: Estimate | None
    more: Estimate | None
    """How much more the new build has of it."""

    worse: bool
    """Whether the new one is worse, by more than is tolerated and by more than chance."""


def compare(old: Sample, new: Sample, *, look: int | None = None) -> tuple[Compared, ...]:
    """Compare two builds in every metric.

    Args:
        old: Of the build that is current.
        new: Of the one that is ramping.
        look: Which look of a rollout this is, from 1 on: its confidence is then the one that this look needs. None: a
            person looks, with `CONFIDENCE`.
    """
    return tuple(_compared(metric, old, new, look) for metric in GUARDS)


def patience_of(seconds: Sequence[float]) -> float | None:
    """Return after how many seconds a run is overdue, by how long the old build's took, or have taken so far.

    Three times what nine of ten of them take at most, so that hardly any of a build that is as good is. A build whose
    runs mostly wait, for people or for another day, has so much patience that nothing is. None: of fewer than
    `FEWEST_TO_WAIT_FOR` runs nothing can be said.
    """
    if len(seconds) < FEWEST_TO_WAIT_FOR:
        return None
    slow = sorted(seconds)[math.ceil(len(seconds) * _MOST_OF_THEM) - 1]
    return max(slow * _TIMES, LEAST_PATIENCE)


def next_look(done: int) -> int:
    """Return how many runs of the new build it takes to look again, after so many looks."""
    return LOOKS[done] if done < len(LOOKS) else LOOKS[-1] * 2 ** (done - len(LOOKS) + 1)


def looks_due(ended: int) -> int:
    """Return how many looks there can have been after so many runs."""
    done = 0
    while next_look(done) <= ended:
        done += 1
    return done


def first_worse(compared: Sequence[Compared]) -> Compared | None:
    """Return the first metric in which the new build is worse."""
    return next((each for each in compared if each.worse), None)


def _compared(metric: Metric, old: Sample, new: Sample, look: int | None) -> Compared:
    guard, figure = GUARDS[metric], _FIGURES[metric]
    # Only one side of the interval can make a build worse, so what lies beyond both is twice the risk.
    sure = CONFIDENCE if look is None else 1 - 2 * guard.risk * 6 / (math.pi * look) ** 2
    before, after = figure(old, sure), figure(new, sure)
    more = None if before is None or after is None else difference(after, before)
    worse = more is not None and before is not None and more.low > guard.tolerated * before.value
    return Compared(metric=metric, old=before, new=after, more=more, worse=worse)
