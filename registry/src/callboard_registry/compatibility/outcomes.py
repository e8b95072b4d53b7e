"""What looking for a value can end with: a value, a proof that there is none, or neither."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from callboard_registry.compatibility.nodes import Neg, Node, Values
from callboard_registry.compatibility.values import shown


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a proof: why there is no value at a place, and what that rests on."""

    rule: str
    subject: str | Node = ""
    because: tuple["Step", ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield the proof as indented lines; a step that was shown above is not shown again."""
        yield from self._lines(depth, set())

    def _lines(self, depth: int, shown: set[int]) -> Iterator[str]:
        subject = described(self.subject) if isinstance(self.subject, Node) else self.subject
        text = f"{'  ' * depth}{self.rule}{': ' if subject else ''}{subject}"
        if self.because and id(self) in shown:
            yield f"{text} (shown above)"
            return
        shown.add(id(self))
        yield text
        for step in self.because:
            yield from step._lines(depth + 1, shown)


@dataclass(frozen=True, slots=True)
class Found:
    """A value that fulfils every condition, as far as can be told."""

    value: object


@dataclass(frozen=True, slots=True)
class Closed:
    """There is no such value, and this is the proof."""

    step: Step


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something could not be decided, and where in the value."""

    text: str
    place: str = ""

    def inside(self, place: str) -> "Reason":
        """Return the same reason, seen from one level further out."""
        return Reason(self.text, place + self.place)


@dataclass(frozen=True, slots=True)
class Undecided:
    """Neither was reached, for these reasons."""

    reasons: tuple[Reason, ...]


Outcome = Found | Closed | Undecided

Search = Callable[[frozenset[Node], str], Outcome]
"""Looks for a value that fulfils all conditions; the word names the place inside the value that is looked at."""


class OutOfBudgetError(Exception):
    """The check has used up what it was given; the message says what."""


class Fuel:
    """What a check may still spend. Steps make verdicts repeatable, the clock is for what steps do not measure."""

    def __init__(self, steps: int, expired: Callable[[], bool]) -> None:
        self.left = steps
        self._steps: Final = steps
        self._expired: Final = expired

    def spend(self) -> None:
        """Take one step.

        Raises:
            OutOfBudgetError: There is none left, or the time is over.
        """
        self.left -= 1
        if self.left < 0:
            raise OutOfBudgetError(f"not decided within {self._steps} steps")
        if self.left % 64 == 0 and self._expired():
            raise OutOfBudgetError("not decided within the time allowed")

    @property
    def spent(self) -> int:
        """How many steps were taken."""
        return self._steps - max(self.left, 0)


def closed(rule: str, subject: str | Node = "", because: Sequence[Step] = ()) -> Closed:
    """Return that there is no value, by a rule."""
    return Closed(Step(rule, subject, tuple(because)))


def described(node: Node) -> str:
    """Return a condition in few words."""
    if isinstance(node, Neg):
        return f"not {described(node.part)}"
    if isinstance(node, Values):
        return f"Values {shown(list(node.values))}"
    words = [type(node).__name__]
    for name in getattr(type(node), "__slots__", ()):
        value: object = getattr(node, name)
        if isinstance(value, (str, int, Fraction)):
            words.append(repr(value) if isinstance(value, str) else str(value))
    return " ".join(words)


def undecided(*texts: str) -> Undecided:
    """Return that it could not be decided, here."""
    return Undecided(tuple(Reason(text) for text in texts))


class Misses:
    """What came of the ways that were tried and found no value: proofs, and reasons why there is none."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.reasons: list[Reason] = []

    def add(self, outcome: Closed | Undecided) -> None:
        """Remember one way."""
        if isinstance(outcome, Closed):
            self.steps.append(outcome.step)
        else:
            self.reasons += outcome.reasons

    def not_tried(self, text: str) -> None:
        """Remember that a way was not tried."""
        self.reasons.append(Reason(text))

    def outcome(self, rule: str, subject: str = "") -> Closed | Undecided:
        """Return what all ways together come to: closed only if each one is."""
        if self.reasons:
            return Undecided(tuple(dict.fromkeys(self.reasons)))
        return closed(rule, subject, self.steps)
