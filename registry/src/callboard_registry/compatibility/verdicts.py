"""What is said about two schemas: a verdict, what it rests on, and what it would break."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from callboard_registry.compatibility.outcomes import Step

Direction = Literal["backward", "forward", "input", "output"]

DIRECTIONS: Final[tuple[Direction, ...]] = ("backward", "forward", "input", "output")


class Answer(StrEnum):
    """Whether the new schema may take the place of the old one."""

    COMPATIBLE = "compatible"
    """It may: there is a proof that nothing breaks."""
    INCOMPATIBLE = "incompatible"
    """It may not: there is a document that one side sends and the other refuses."""
    UNKNOWN = "unknown"
    """Neither a proof nor such a document was found."""


@dataclass(frozen=True)
class Budget:
    """What one check may cost. Steps end it at the same point on every machine; the clock is the last resort."""

    steps: int = 50_000
    """For each pair of schemas."""

    seconds: float = 5.0
    """For everything that is compared together, a whole listing for instance."""


@dataclass(frozen=True)
class Finding:
    """One thing that breaks, or that could not be decided."""

    rule: str
    """The rule that is broken, by the keyword that refuses; `undecided`, `budget` or `schema` if that is unknown."""
    pointer: str
    """Where that keyword stands in the schema that refuses, as a JSON pointer; empty if nothing refuses."""
    sentence: str
    """What it means, for people."""
    place: str = ""
    """Where in the document it happens, as a JSON pointer."""
    has_counterexample: bool = False
    """Whether there is a document; `null` is one too."""
    counterexample: object = None
    """A document that one side sends and the other refuses."""


@dataclass(frozen=True)
class Notice:
    """One thing that breaks nobody, but may be missed."""

    rule: Literal["dropped", "default"]
    """A member that is gone, or a default that means something else."""
    place: str
    """Where in documents, as a JSON pointer; a `*` stands for every item or member."""
    sentence: str
    """What it means, for people."""


@dataclass(frozen=True)
class Verdict:
    """What was found out about two schemas."""

    answer: Answer
    findings: tuple[Finding, ...] = ()
    """What breaks, worst first, or what could not be decided. Empty if compatible."""
    proof: Step | None = None
    """What a compatible verdict rests on."""
    notices: tuple[Notice, ...] = ()
    """What breaks nobody, but may be missed, for the directions `input` and `output`. A member that is gone breaks
    nothing by that alone: the new side ignores what it does not know, or does not send what was optional."""
    steps: int = field(default=0, compare=False)
    """How much was spent."""

    @property
    def dropped(self) -> tuple[str, ...]:
        """Members that the old schema declares and the new one does not, as JSON pointers into documents."""
        return tuple(notice.place for notice in self.notices if notice.rule == "dropped")

    def trace(self) -> Iterator[str]:
        """Yield the proof line by line, each step under what it helps to prove."""
        if self.proof is not None:
            yield from self.proof.lines()
