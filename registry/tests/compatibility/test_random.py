"""No verdict is contradicted: neither by documents that are made at random, nor by another prover."""

from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_schemas import DEFINITIONS, PARTS, SIMPLE, VALUES, Schema, changed, closed, whole

from callboard_registry.compatibility import Answer, Verdict, compare

PAIRS = DEFINITIONS.flatmap(
    lambda definitions: PARTS.flatmap(
        lambda part: st.tuples(
            st.just(whole(part, definitions)), changed(part).map(lambda new: whole(new, definitions))
        )
    )
)


def validator(schema: Schema) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def judged(old: Schema, new: Schema, direction: Any = "backward") -> Verdict:
    verdict = compare(old, new, direction)
    assume(not any(finding.rule == "schema" for finding in verdict.findings))
    return verdict


SETTINGS = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


@SETTINGS
@given(pair=PAIRS, documents=st.lists(VALUES, min_size=10, max_size=10))
def test_no_document_contradicts_a_verdict(pair: tuple[Schema, Schema], documents: list[Any]) -> None:
    old, new = pair
    verdict = judged(old, new)

    breaking = [each for each in documents if validator(old).is_valid(each) and not validator(new).is_valid(each)]
    assert not (verdict.answer is Answer.COMPATIBLE and breaking)
    for finding in verdict.findings:
        if verdict.answer is Answer.INCOMPATIBLE:
            assert validator(old).is_valid(finding.counterexample)
            assert not validator(new).is_valid(finding.counterexample)


@SETTINGS
@given(pair=PAIRS)
def test_another_prover_does_not_contradict_a_verdict(pair: tuple[Schema, Schema]) -> None:
    old, new = pair
    verdict = judged(old, new)
    try:
        before, after = (jsonschema_rs.canonicalize(schema, validate_formats=True) for schema in pair)
        contained = str(after.covers(before))
    except (jsonschema_rs.canonical.CanonicalizationError, jsonschema_rs.canonical.UnsupportedOperand):
        return

    assert (str(verdict.answer), contained) not in (("compatible", "no"), ("incompatible", "yes"))


@SETTINGS
@given(pair=PAIRS)
def test_a_verdict_is_the_same_each_time_and_from_the_other_side(pair: tuple[Schema, Schema]) -> None:
    old, new = pair

    first, second = compare(old, new), compare(old, new)
    assert (first.answer, first.findings, first.steps) == (second.answer, second.findings, second.steps)
    assert list(first.trace()) == list(second.trace())
    assert compare(old, new, "forward").answer is compare(new, old, "backward").answer


@SETTINGS
@given(pair=PAIRS)
def test_what_is_compatible_for_any_writer_is_so_for_a_typed_one(pair: tuple[Schema, Schema]) -> None:
    old, new = pair
    anyone, typed = judged(old, new, "backward"), judged(old, new, "input")

    assert not (anyone.answer is Answer.COMPATIBLE and typed.answer is Answer.INCOMPATIBLE)


@SETTINGS
@given(old=SIMPLE, data=st.data())
def test_a_typed_writer_is_one_whose_objects_are_closed(old: Schema, data: st.DataObject) -> None:
    new = data.draw(changed(old))
    typed = judged(old, new, "input")

    assert typed.answer is judged(closed(old), new, "backward").answer
    for finding in typed.findings:
        assert typed.answer is not Answer.INCOMPATIBLE or validator(closed(old)).is_valid(finding.counterexample)
