"""Comparing two schemas: may the new one take the place of the old one?"""

import time
from dataclasses import dataclass, replace
from typing import Final

from callboard_registry.compatibility.compiling import Compiler
from callboard_registry.compatibility.documents import Document, Draft, SchemaError
from callboard_registry.compatibility.evidence import Side, finding, repaired
from callboard_registry.compatibility.nodes import Store
from callboard_registry.compatibility.noticing import notices
from callboard_registry.compatibility.outcomes import (
    Closed,
    Found,
    Fuel,
    Outcome,
    OutOfBudgetError,
    Step,
    Undecided,
    undecided,
)
from callboard_registry.compatibility.searching import Searcher
from callboard_registry.compatibility.values import NotJsonError
from callboard_registry.compatibility.verdicts import Answer, Budget, Direction, Finding, Verdict

_MOST_FINDINGS: Final = 8
_STEPS_FOR_MORE: Final = 5_000
"""What may be spent on more findings, once there is one."""


@dataclass(frozen=True)
class _Sides:
    """Who writes documents, and who has to be able to read them."""

    writer: Document
    reader: Document
    direction: Direction
    closed: bool
    """Whether the writer is typed, and writes only the members that it declares."""


def compare(
    old: object,
    new: object,
    direction: Direction = "backward",
    budget: Budget | None = None,
    *,
    strict: bool = False,
    old_draft: Draft | None = None,
    new_draft: Draft | None = None,
) -> Verdict:
    """Say whether the new schema may take the place of the old one.

    `backward`: every document that is valid under the old schema is valid under the new one; `forward`: the other way
    round. `input` and `output` are meant for the two sides of an operation, whose writers are typed: they send the
    members that they declare and no others. What an old caller sends has to be valid under the new input; what the new
    service answers has to be valid under the old output. With `strict` they are not typed: whatever their schema does
    not forbid may be sent.

    A draft is taken from `$schema` unless it is given here.
    """
    try:
        before, after = Document(old, old_draft), Document(new, new_draft)
        if before.text == after.text and before.draft is after.draft:
            # Most schemas of a listing are what they were.
            return _same(before, closed=direction in ("input", "output") and not strict)
        swapped = direction in ("forward", "output")
        writer, reader = (after, before) if swapped else (before, after)
        sides = _Sides(writer, reader, direction, closed=direction in ("input", "output") and not strict)
        verdict = _compared(sides, budget or Budget())
        if direction in ("input", "output"):
            verdict = replace(verdict, notices=notices(before, after, direction))
        return verdict
    except (SchemaError, NotJsonError) as error:
        return Verdict(Answer.UNKNOWN, (Finding("schema", "", f"this is no schema: {error}"),))
    except RecursionError:
        return Verdict(Answer.UNKNOWN, (_undecided("nested too deep to follow"),))


def _same(schema: Document, *, closed: bool) -> Verdict:
    Side(schema)  # Raises if it is none.
    step = Step("the same schema", "what a closed writer writes is a part of it" if closed else "")
    return Verdict(Answer.COMPATIBLE, proof=step)


def _compared(sides: _Sides, budget: Budget) -> Verdict:
    writer, reader = Side(sides.writer), Side(sides.reader)
    deadline = time.monotonic() + budget.seconds
    fuel = Fuel(budget.steps, lambda: time.monotonic() > deadline)
    verdict = _judged(_search(sides, fuel), sides, writer, reader)
    steps = fuel.spent
    if verdict.answer is Answer.INCOMPATIBLE:
        more = Fuel(min(fuel.left, _STEPS_FOR_MORE), lambda: time.monotonic() > deadline)
        verdict = replace(verdict, findings=_more(verdict.findings, sides, writer, reader, more))
        steps += more.spent
    return replace(verdict, steps=steps)


def _search(sides: _Sides, fuel: Fuel) -> Outcome:
    """Look for a document that the writer may write and the reader refuses."""
    store = Store()
    try:
        compiler, searcher = Compiler(store, sides.writer), Searcher(store, fuel)
        refused = store.negation(Compiler(store, sides.reader).compile())
        written = compiler.compile(closed=sides.closed)
        outcome = searcher.search(frozenset({written, refused}), "")
        if (
            sides.closed
            and isinstance(outcome, Closed)
            and isinstance(searcher.search(frozenset({written}), ""), Closed)
        ):
            # Nothing can be written with the declared members alone, so the writer is not what it was taken for.
            return searcher.search(frozenset({compiler.compile(), refused}), "")
        return outcome
    except OutOfBudgetError as error:
        return undecided(str(error))


def _judged(outcome: Outcome, sides: _Sides, writer: Side, reader: Side) -> Verdict:
    if isinstance(outcome, Closed):
        return Verdict(Answer.COMPATIBLE, proof=outcome.step)
    if isinstance(outcome, Undecided):
        return Verdict(Answer.UNKNOWN, tuple(_undecided(reason.text, reason.place) for reason in outcome.reasons))
    if not writer.takes(outcome.value) or reader.takes(outcome.value):
        return Verdict(Answer.UNKNOWN, (_undecided("a document was found, but the validator judges it otherwise"),))
    error = reader.errors(outcome.value)[0]
    return Verdict(Answer.INCOMPATIBLE, (finding(error, outcome.value, sides.direction),))


def _undecided(reason: str, place: str = "") -> Finding:
    rule = "budget" if reason.startswith("not decided within") else "undecided"
    return Finding(rule, "", reason, place=place)


def _more(first: tuple[Finding, ...], sides: _Sides, writer: Side, reader: Side, fuel: Fuel) -> tuple[Finding, ...]:
    """Find what else breaks: take out of the reader what refused the last document, and look again."""
    findings = list(first)
    schema = sides.reader.schema
    while len(findings) < _MOST_FINDINGS:
        document = findings[-1].counterexample
        error = reader.errors(document)[0]
        schema = repaired(schema, error, error.schema_path)
        if schema is None:
            break
        outcome = _search(replace(sides, reader=Document(schema, sides.reader.draft)), fuel)
        if not isinstance(outcome, Found) or not writer.takes(outcome.value) or reader.takes(outcome.value):
            break
        found = finding(reader.errors(outcome.value)[0], outcome.value, sides.direction)
        if found in findings:
            break
        findings.append(found)
    return tuple(findings)
