"""Comparing two revisions of a service: what would break whoever calls the old one?"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from callboard_contracts import ServiceDescription
from callboard_contracts.changes import PromiseChange, promise_changes
from callboard_registry.compatibility.comparing import compare
from callboard_registry.compatibility.documents import Draft, names_draft
from callboard_registry.compatibility.outcomes import Step
from callboard_registry.compatibility.verdicts import Answer, Budget, Verdict

Part = Literal["input", "output"]

_UNCHANGED: Final = Verdict(Answer.COMPATIBLE, proof=Step("the same schema"))


@dataclass(frozen=True)
class SchemaChange:
    """What became of one schema of an operation."""

    operation: str
    part: Part
    verdict: Verdict


@dataclass(frozen=True)
class ListingVerdict:
    """What was found out about two revisions of a service."""

    answer: Answer
    """The worst of all: incompatible before unknown before compatible."""

    schemas: tuple[SchemaChange, ...] = ()
    """Every schema of every operation that both revisions have."""

    promises: tuple[PromiseChange, ...] = ()
    """What became worse beside the schemas: removed operations and promises, those that break and those that warn."""

    @property
    def broken_promises(self) -> tuple[PromiseChange, ...]:
        """What breaks beside the schemas."""
        return tuple(change for change in self.promises if change.breaks)


def compare_listings(
    old: ServiceDescription | Mapping[str, object],
    new: ServiceDescription | Mapping[str, object],
    budget: Budget | None = None,
    *,
    strict: bool = False,
) -> ListingVerdict:
    """Say whether the new revision may take the place of the old one for its callers.

    What old callers send has to be valid under the new inputs, what the new revision answers under the old outputs;
    the promises have to be at least as good. Of the budget, the steps are for each schema and the time is for all.
    """
    before, after = ServiceDescription.model_validate(old), ServiceDescription.model_validate(new)
    limits = budget or Budget()
    deadline = time.monotonic() + limits.seconds
    offered = {operation.name: operation for operation in after.operations}
    schemas: list[SchemaChange] = []

    # Operations often take or answer the same message.
    known: dict[tuple[Part, str, str], Verdict] = {}

    def compared(operation: str, part: Part, was: Mapping[str, object], is_now: Mapping[str, object]) -> None:
        # As text, because 1 equals True; in the order of the keys, so that what is the same is mostly seen to be.
        pair = (part, json.dumps(was), json.dumps(is_now))
        if pair[1] == pair[2]:
            known[pair] = _UNCHANGED
        if pair not in known:
            left = replace(limits, seconds=max(0.0, deadline - time.monotonic()))
            # Schemas of a listing are of 2020-12 if they do not say otherwise.
            drafts = (None if names_draft(schema) else Draft.DRAFT2020 for schema in (was, is_now))
            known[pair] = compare(
                was, is_now, part, left, strict=strict, old_draft=next(drafts), new_draft=next(drafts)
            )
        schemas.append(SchemaChange(operation, part, known[pair]))

    for operation in before.operations:
        successor = offered.get(operation.name)
        if successor is not None:
            compared(operation.name, "input", operation.input, successor.input)
            compared(operation.name, "output", operation.output, successor.output)
    promises = tuple(promise_changes(before, after))
    answers = {change.verdict.answer for change in schemas}
    if any(change.breaks for change in promises):
        answers.add(Answer.INCOMPATIBLE)
    worst = next((each for each in (Answer.INCOMPATIBLE, Answer.UNKNOWN) if each in answers), Answer.COMPATIBLE)
    return ListingVerdict(worst, tuple(schemas), promises)
