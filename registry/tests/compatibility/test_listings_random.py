"""No verdict on whole listings is contradicted by what typed callers and services write."""

from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_schemas import LISTINGS, changed_listing, closed, written

from callboard_contracts import ServiceDescription
from callboard_registry.compatibility import Answer, Budget, ListingVerdict, compare_listings, differences
from callboard_registry.gate.judging import Base, judged
from callboard_registry.gate.levels import Strictness

SETTINGS = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
WORST = ("incompatible", "unknown", "compatible")

Listing = dict[str, Any]


def operations(listing: Listing) -> dict[str, Any]:
    return {each["name"]: each for each in listing["operations"]}


def takes(schema: Any, document: Any) -> bool:
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(document)


def compared(old: Listing, new: Listing, **more: Any) -> ListingVerdict:
    verdict = compare_listings(old, new, **more)
    assume(not any(each.rule == "schema" for change in verdict.schemas for each in change.verdict.findings))
    return verdict


def sides(old: Listing, new: Listing) -> list[tuple[str, str, Any, Any]]:
    """Of every operation that both have: its name, the part, who writes and who reads."""
    after = operations(new)
    return [
        side
        for name, was in operations(old).items()
        if name in after
        for side in (
            (name, "input", was["input"], after[name]["input"]),
            (name, "output", after[name]["output"], was["output"]),
        )
    ]


@SETTINGS
@given(old=LISTINGS, data=st.data())
def test_nothing_that_is_written_contradicts_a_verdict(old: Listing, data: st.DataObject) -> None:
    new = data.draw(changed_listing(old))
    verdict = compared(old, new)
    found = {(change.operation, change.part): change.verdict for change in verdict.schemas}

    for name, part, writer, reader in sides(old, new):
        one = found[name, part]
        for document in data.draw(st.lists(written(writer), min_size=3, max_size=3)):
            if takes(closed(writer), document) and not takes(reader, document):
                assert one.answer is not Answer.COMPATIBLE
                assert verdict.answer is not Answer.COMPATIBLE
        if one.answer is Answer.INCOMPATIBLE:
            for finding in one.findings:
                assert takes(writer, finding.counterexample)
                assert not takes(reader, finding.counterexample)


@SETTINGS
@given(old=LISTINGS, data=st.data())
def test_a_compatible_listing_keeps_every_operation_and_promise(old: Listing, data: st.DataObject) -> None:
    new = data.draw(changed_listing(old))
    assume(compared(old, new).answer is Answer.COMPATIBLE)
    effects = ("read", "write", "irreversible")

    for name, was in operations(old).items():
        before, after = was["promise"], operations(new)[name]["promise"]
        assert after["longest_seconds"] >= before["longest_seconds"]
        assert effects.index(after["effect"]) <= effects.index(before["effect"])
        assert after["idempotency"] in (before["idempotency"], "natural")
        assert after["model_callable"] or not before["model_callable"]
        assert after["entity"] == before["entity"]


@SETTINGS
@given(listing=LISTINGS)
def test_a_listing_can_take_its_own_place(listing: Listing) -> None:
    again = {**listing, "operations": list(reversed(listing["operations"]))}
    verdict = compared(listing, again)

    assert (verdict.answer, verdict.promises) == (Answer.COMPATIBLE, ())
    assert differences(*map(ServiceDescription.model_validate, (listing, again))) == []


@SETTINGS
@given(first=LISTINGS, data=st.data())
def test_compared_with_all_it_is_as_bad_as_with_the_worst(first: Listing, data: st.DataObject) -> None:
    second = data.draw(changed_listing(first))
    new = ServiceDescription.model_validate(data.draw(changed_listing(second)))
    bases = [Base(name, ServiceDescription.model_validate(each)) for name, each in (("b", second), ("a", first))]
    alone = [judged([base], new, Strictness()).answer for base in bases]

    together = judged(bases, new, Strictness("all"))

    assert together.answer == min(alone, key=WORST.index)
    assert {each.base for each in (*together.findings, *together.warnings)} <= {"a", "b"}


@SETTINGS
@given(old=LISTINGS, data=st.data())
def test_a_small_budget_leaves_more_unknown_and_nothing_wrong(old: Listing, data: st.DataObject) -> None:
    new = data.draw(changed_listing(old))
    generous, tight = compared(old, new), compared(old, new, budget=Budget(steps=20))

    assert tight.answer in (generous.answer, Answer.UNKNOWN)


@SETTINGS
@given(old=LISTINGS, data=st.data())
def test_what_is_strictly_compatible_is_so_for_typed_writers(old: Listing, data: st.DataObject) -> None:
    new = data.draw(changed_listing(old))

    if compared(old, new, strict=True).answer is Answer.COMPATIBLE:
        assert compared(old, new).answer is not Answer.INCOMPATIBLE


@SETTINGS
@given(old=LISTINGS, data=st.data())
def test_what_is_different_in_what_callers_see_is_told(old: Listing, data: st.DataObject) -> None:
    was, is_now = map(ServiceDescription.model_validate, (old, data.draw(changed_listing(old))))
    assume(all(each.observable_digest() for each in (was, is_now)))

    told = [each for each in differences(was, is_now) if each.part != "words"]

    assert bool(told) is (was.observable_digest() != is_now.observable_digest())
    assert differences(was, replace_words(was)) == []


def replace_words(description: ServiceDescription) -> ServiceDescription:
    return description.model_copy(update={"digest": "sha256:another"})
