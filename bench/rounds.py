"""Rounds in which every side takes its turn, in an order that changes.

In a round every side is measured twice, there and back (A B C, C B A), so that a machine that gets slower or faster
while it lasts does so to all alike; and every round starts with another side. What a side took in a round is the median
of both turns together. The two turns of one side compared with each other are the noise: what a ratio of this
benchmark does when there is nothing to find.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Turn = Callable[[], Awaitable[Sequence[float]]]
"""Does one side's work once and returns what it measured."""


@dataclass
class Rounds:
    """What every side took in every round, in seconds."""

    medians: dict[str, list[float]] = field(default_factory=dict)
    """By side: the median of each round."""

    first: dict[str, list[float]] = field(default_factory=dict)
    """By side: the median of the first turn of each round."""

    second: dict[str, list[float]] = field(default_factory=dict)
    """By side: the median of the second turn of each round."""


async def play(sides: Mapping[str, Turn], count: int, *, after_each: Callable[[], object]) -> Rounds:
    """Play `count` rounds; `after_each` is called after each of them."""
    rounds = Rounds()
    names = list(sides)
    for number in range(count):
        there = [names[(place + number) % len(names)] for place in range(len(names))]
        turns: dict[str, list[Sequence[float]]] = {name: [] for name in names}
        for name in (*there, *reversed(there)):
            turns[name].append(await sides[name]())
        for name, (one, other) in turns.items():
            rounds.medians.setdefault(name, []).append(median([*one, *other]))
            rounds.first.setdefault(name, []).append(median(one))
            rounds.second.setdefault(name, []).append(median(other))
        after_each()
    return rounds
