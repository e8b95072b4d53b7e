"""Comparing two revisions of a service: what would break whoever calls the old one?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_contracts.changes import breaking_changes
from callboard_registry.compatibility.comparing import compare
from callboard_registry.compatibility.documents import Draft, names_draft
from callboard_registry.compatibility.verdicts import Answer, Budget, Verdict

Part = Literal["input", "output"]


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
    broken_promises: tuple[str, ...] = field(default=())
    """What breaks beside the schemas, in words: removed operations and worse promises."""


def compare_listings(
    old: ServiceDescription | Mapping[str, object],
    new: ServiceDescription | Mapping[str, object],
    budget: Budget | None = None,
) -> ListingVerdict:
    """Say whether the new revision may take the place of the old one for its callers.

    What old callers send has to be valid under the new inputs, what the new revision answers under the old outputs;
    the promises have to be at least as good. The budget is for each schema.
    """
    before, after = ServiceDescription.model_validate(old), ServiceDescription.model_validate(new)
    offered = {operation.name: operation for operation in after.operations}
    schemas: list[SchemaChange] = []
    for operation in before.operations:
        successor = offered.get(operation.name)
        if successor is not None:
            taken = _compared(operation.input, successor.input, "input", budget)
            answered = _compared(operation.output, successor.output, "output", budget)
            schemas += (SchemaChange(operation.name, "input", taken), SchemaChange(operation.name, "output", answered))
    promises = tuple(breaking_changes(before, _with_schemas_of(before, after)))
    answers = {change.verdict.answer for change in schemas} | ({Answer.INCOMPATIBLE} if promises else set[Answer]())
    worst = next((each for each in (Answer.INCOMPATIBLE, Answer.UNKNOWN) if each in answers), Answer.COMPATIBLE)
    return ListingVerdict(worst, tuple(schemas), promises)


def _compared(old: Mapping[str, object], new: Mapping[str, object], part: Part, budget: Budget | None) -> Verdict:
    """Compare schemas of a listing, which are of 2020-12 if they do not say otherwise."""
    drafts = (None if names_draft(schema) else Draft.DRAFT2020 for schema in (old, new))
    return compare(old, new, part, budget, old_draft=next(drafts), new_draft=next(drafts))


def _with_schemas_of(before: ServiceDescription, after: ServiceDescription) -> ServiceDescription:
    """Return the new revision with the old schemas, so that it only differs in what is promised beside them."""
    was = {operation.name: operation for operation in before.operations}

    def with_schemas(operation: OperationDescription) -> OperationDescription:
        old = was.get(operation.name)
        return operation if old is None else operation.model_copy(update={"input": old.input, "output": old.output})

    return after.model_copy(update={"operations": tuple(with_schemas(each) for each in after.operations)})
