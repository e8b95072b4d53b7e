"""The policy of an ambient agent: what it may do by itself, and how much one wake may take."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from callboard_kit.ambient.findings import Confidence
from callboard_kit.approvals import Judgement, Terms
from callboard_kit.messages import KitMessage

_DAYS: Final = timedelta(days=1)

Span = Annotated[timedelta, Field(ge=timedelta(0), le=365 * _DAYS)]


class WatchPolicy(KitMessage):
    """When to act and when to ask, and the bounds of one wake."""

    model_config = ConfigDict(extra="forbid")

    thresholds: Mapping[str, Confidence] = {}
    """By kind of remedy: from which confidence on it is applied without asking. A kind that is not here is always
    asked about."""

    terms: Terms = Terms(patience=3 * _DAYS)
    """Whom to ask, how long to wait, and what then."""

    findings: Annotated[int, Field(ge=0)] = 10
    """New findings that one wake deals with. The others wait for the next."""

    remedies: Annotated[int, Field(ge=0)] = 5
    """Remedies that one wake begins, those that are asked about included."""

    waiting: Annotated[int, Field(ge=0)] = 20
    """Remedies that may be under way at the same time, most of them waiting for a person."""

    tokens: Annotated[int, Field(ge=1)] = 100_000
    """Model tokens of one wake."""

    cost_usd: Annotated[float, Field(ge=0)] | None = 1.0
    """US dollars for the models of one wake. Absent: nobody counts."""

    longest: Span = timedelta(minutes=15)
    """After this long a wake takes up nothing more."""

    rest: Span = timedelta(minutes=1)
    """The least time from the end of one wake to the work of the next, however often it is triggered."""

    remembered: Annotated[int, Field(ge=1)] = 500
    """Findings that are remembered; of more, those that were not seen for longest are forgotten."""

    forget_after: Span = 7 * _DAYS
    """A finding that was not seen for this long is new when it is seen again."""

    def judge(self, remedy: str, confidence: float) -> Judgement:
        """Say whether a remedy may be applied without asking a person."""
        threshold = self.thresholds.get(remedy)
        if threshold is None:
            return Judgement("ask", rule="no-threshold", reason=f"{remedy} is always asked about", terms=self.terms)
        said = f"the confidence is {confidence:.2f}, the threshold of {remedy} {threshold:.2f}"
        # Not `confidence < threshold`: what is no number at all must be asked about.
        if confidence >= threshold:
            return Judgement("allow", rule="confident", reason=said)
        return Judgement("ask", rule="below-threshold", reason=said, terms=self.terms)
