"""What an ambient agent sees, what it makes of it, and what it tells: the messages of one wake."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from pydantic import Field

from callboard_contracts import Message, Usage
from callboard_kit.approvals import Terms

NO_REMEDY: Final = "none"
"""What an assessment names where there is nothing to do but to tell."""

Fact = str | int | float
Confidence = Annotated[float, Field(ge=0, le=1)]


class Finding(Message):
    """Something that a detector noticed."""

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    """What kind of thing it is: that of the detector, for instance `stock`."""

    key: Annotated[str, Field(min_length=1, max_length=200)]
    """What makes it the same finding when it is seen again. What has become worse has another key."""

    summary: Annotated[str, Field(min_length=1, max_length=500)]
    """What is the matter, in one sentence."""

    facts: Mapping[str, Fact] = {}
    """What is known of it. The model reads them, and they stand in Temporal's history: no secrets."""

    weight: float = 0.0
    """Which findings come first where there are many: the heavier."""


class Detector(Protocol):
    """Looks for one kind of thing, in a workflow."""

    @property
    def kind(self) -> str:
        """Return the kind of its findings."""
        ...

    async def detect(self) -> Sequence[Finding]:
        """Return everything of its kind that is the matter now, found before or not.

        Raises:
            MeshError: It could not look; what was found before stays as it was.
        """
        ...


class Assessment(Message):
    """What the analysis makes of a finding."""

    explanation: Annotated[str, Field(max_length=2000)]
    """What is likely behind it, and why the remedy is right, in a few sentences."""

    remedy: str
    """The kind of the remedy, one of those that are offered; `none` when nothing should be done."""

    confidence: Confidence
    """How sure it is that this remedy is right, from 0 to 1."""


Decision = Literal["reported", "applied", "asked"]
"""What was done about a finding: nothing but telling; its remedy was begun; a person is asked first."""


class Handled(Message):
    """A new finding, and what was done about it."""

    finding: Finding

    explanation: str
    """What the analysis made of it, or why there was none."""

    remedy: str = ""
    """The kind of the remedy. Empty: none."""

    confidence: float | None = None
    """How sure the analysis was. Absent: there was none."""

    decision: Decision
    """What was done."""

    why: str = ""
    """Which rule decided between applying and asking, and why."""

    workflow: str = ""
    """The id of the workflow that applies the remedy. Empty: there is none."""


class Settled(Message):
    """How a remedy ended."""

    workflow: str
    """The id of the workflow that was to apply it."""

    remedy: str
    """Its kind. Empty: nothing is known of it any more."""

    about: str
    """The finding's sentence."""

    outcome: Literal["applied", "not_approved", "over", "failed"]
    """`over`: when it was its turn, there was nothing to remedy any more."""

    said: str = ""
    """What came of it, or why nothing did."""


class Report(Message):
    """What one wake saw and did."""

    wake: int
    """Its number, from 1 on."""

    began: datetime
    ended: datetime

    seen: Mapping[str, int] = {}
    """Findings by kind, known ones included. A kind that could not be looked for is not there."""

    new: tuple[Handled, ...] = ()
    """What was not known before, the heaviest first."""

    settled: tuple[Settled, ...] = ()
    """Remedies that ended since the wake before."""

    left: int = 0
    """New findings for which this wake's budget did not suffice; the next one takes them up."""

    troubles: tuple[str, ...] = ()
    """What could not be looked at or analysed, and why."""

    usage: Usage = Usage()
    """What the analysis took."""


class Planned(Message):
    """A remedy to apply, as its workflow is started with it."""

    id: str
    """The workflow's id, and the key under which the remedy has its effect once."""

    remedy: str
    finding: Finding
    assessment: Assessment

    ask: bool
    """Whether a person is asked first."""

    rule: str
    """What decided so."""

    reason: str = ""
    """Why, in words."""

    terms: Terms = Terms()
    """Whom to ask, how long to wait, and what then."""
