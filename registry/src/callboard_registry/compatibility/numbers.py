"""Finding a number between bounds, on some grids and off others; or proving that there is none."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from callboard_registry.compatibility.nodes import AtLeast, HasFormat, Multiple, Neg, Node, Opaque, Values
from callboard_registry.compatibility.outcomes import Found, Outcome, closed, undecided
from callboard_registry.compatibility.values import exact

_MOST_TRIED = 20_000


@dataclass
class _Wanted:
    low: int | Fraction | None = None
    high: int | Fraction | None = None
    above: bool = False
    below: bool = False
    grid: int | Fraction | None = None
    off: list[int | Fraction] = field(default_factory=list)
    excluded: set[object] = field(default_factory=set)

    def takes(self, number: int | Fraction) -> bool:
        """Tell whether a number is within the bounds, on the grid, off the others and not excluded."""
        if self.low is not None and (number < self.low or (self.above and number == self.low)):
            return False
        if self.high is not None and (number > self.high or (self.below and number == self.high)):
            return False
        if self.grid is not None and number % self.grid != 0:
            return False
        return all(number % off != 0 for off in self.off) and ("number", number) not in self.excluded

    def described(self) -> str:
        """Say what is wanted, for a proof."""
        words: list[str] = []
        if self.low is not None:
            words.append(f"{'more than' if self.above else 'at least'} {self.low}")
        if self.high is not None:
            words.append(f"{'less than' if self.below else 'at most'} {self.high}")
        if self.grid is not None:
            words.append(f"a multiple of {self.grid}")
        words += [f"no multiple of {off}" for off in self.off]
        if self.excluded:
            words.append(f"none of {len(self.excluded)} values")
        return ", ".join(words)


def find_number(conditions: Iterable[Node], spend: Callable[[], None]) -> Outcome:
    """Look for a number that fulfils all conditions."""
    wanted = _wanted(conditions)
    if wanted.low is not None and wanted.high is not None:
        empty = wanted.low == wanted.high and (wanted.above or wanted.below)
        if wanted.low > wanted.high or empty:
            return closed("no number between the bounds", wanted.described())
    return _dense(wanted) if wanted.grid is None else _on_grid(wanted, wanted.grid, spend)


def _wanted(conditions: Iterable[Node]) -> _Wanted:
    wanted = _Wanted()
    for condition in conditions:
        match condition:
            case AtLeast():
                _raise_low(wanted, condition.bound, excluded=condition.excluded)
            case Neg(AtLeast() as opposite):
                _lower_high(wanted, opposite.bound, excluded=not opposite.excluded)
            case Multiple():
                wanted.grid = condition.of if wanted.grid is None else _common(wanted.grid, condition.of)
            case Neg(Multiple() as opposite):
                wanted.off.append(opposite.of)
            case Neg(Values() as opposite):
                wanted.excluded |= opposite.keys
            case Opaque() | HasFormat() | Neg(Opaque() | HasFormat()):
                pass  # Nothing is known about it; whoever takes the number that is found looks again.
            case _:
                raise AssertionError(f"not a condition on numbers: {condition}")
    return wanted


def _raise_low(wanted: _Wanted, bound: int | Fraction, *, excluded: bool) -> None:
    if wanted.low is None or bound > wanted.low:
        wanted.low, wanted.above = bound, excluded
    elif bound == wanted.low:
        wanted.above = wanted.above or excluded


def _lower_high(wanted: _Wanted, bound: int | Fraction, *, excluded: bool) -> None:
    if wanted.high is None or bound < wanted.high:
        wanted.high, wanted.below = bound, excluded
    elif bound == wanted.high:
        wanted.below = wanted.below or excluded


def _common(first: int | Fraction, second: int | Fraction) -> int | Fraction:
    """Return the least common multiple of two numbers that are above zero."""
    one, other = Fraction(first), Fraction(second)
    found = Fraction(
        math.lcm(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )
    return found.numerator if found.denominator == 1 else found


def _on_grid(wanted: _Wanted, grid: int | Fraction, spend: Callable[[], None]) -> Outcome:
    least = None if wanted.low is None else math.ceil(Fraction(wanted.low) / grid)
    most = None if wanted.high is None else math.floor(Fraction(wanted.high) / grid)
    if least is not None and wanted.above and least * grid == wanted.low:
        least += 1
    if most is not None and wanted.below and most * grid == wanted.high:
        most -= 1
    if least is not None and most is not None and least > most:
        return closed("no number on the grid between the bounds", wanted.described())
    # What is left out repeats itself; within one period and one number more than are excluded, all cases occur.
    period = 1
    for off in wanted.off:
        period = math.lcm(period, int(_common(grid, off) / grid))
    needed = period * (len(wanted.excluded) + 1)
    for tried, index in enumerate(_outward(least, most)):
        if tried >= needed:
            return closed("every number on the grid is left out", wanted.described())
        if tried >= _MOST_TRIED:
            return undecided(f"too many numbers to try: {wanted.described()}")
        spend()
        number = index * grid
        if wanted.takes(number):
            return Found(_plain(number))
    return closed("every number on the grid between the bounds is left out", wanted.described())


def _outward(least: int | None, most: int | None) -> Iterator[int]:
    """Yield neighbouring whole numbers, beginning at an end; zero is an end if there is none."""
    if least is None and most is not None:
        number = most
        while True:
            yield number
            number -= 1
    number = least or 0
    while most is None or number <= most:
        yield number
        number += 1


def _dense(wanted: _Wanted) -> Outcome:
    """Look among all numbers: only finitely many of them, and some grids, are left out."""
    low, high = wanted.low, wanted.high
    if low is not None and low == high:
        found = wanted.takes(low)
        return Found(_plain(low)) if found else closed("the only number is left out", wanted.described())
    for number in _guesses(low, high, len(wanted.excluded)):
        plain = _plain(number)
        # Not every fraction can be written in JSON; what counts is what was written.
        if wanted.takes(exact(plain)):
            return Found(plain)
    return undecided(f"no number was found that is {wanted.described()}")


def _guesses(low: int | Fraction | None, high: int | Fraction | None, count: int) -> Iterator[int | Fraction]:
    start = math.ceil(low) if low is not None else 0 if high is None or high > 0 else math.floor(high)
    for step in range(count + 3):
        yield start + step
        yield start - step
    if low is not None:
        yield low
    if high is not None:
        yield high
    left = Fraction(low if low is not None else 0 if high is None or high > 0 else high - 1)
    width = (Fraction(high) if high is not None else left + 1) - left
    for part in (Fraction(1, 2), Fraction(1, 4), Fraction(3, 4), Fraction(1, 10), Fraction(1, 3), Fraction(1, 7)):
        yield left + width * part
    for step in range(1, count + 8):
        yield left + width * Fraction(1, 128) * step / (count + 8)


def _plain(number: int | Fraction) -> int | float:
    """Return a number as JSON has it."""
    if isinstance(number, int):
        return number
    return number.numerator if number.denominator == 1 else float(number)
