"""The contracts of this house: the same is compatible, and each edit of them is judged as it should be."""

import json
from typing import Any

import pytest
from listing_edits import BREAKING, HARMLESS, MISSED, Edit, cancel, edited, listing

from callboard_contracts import describe, services
from callboard_registry.compatibility import DIRECTIONS, Budget, compare, compare_listings


@pytest.mark.parametrize("service", services)
def test_a_contract_takes_its_own_place(service: str) -> None:
    for operation in describe(services[service]).model_dump(mode="json")["operations"]:
        for part in ("input", "output"):
            # In other words: neither is the same text as the other.
            again = {"description": "In other words.", **dict(reversed(operation[part].items()))}
            for direction in DIRECTIONS:
                assert compare(operation[part], again, direction).answer == "compatible"


@pytest.mark.parametrize(("edit", "rule", "pointer"), BREAKING.values(), ids=BREAKING)
def test_it_is_breaking_when(edit: Edit, rule: str, pointer: str) -> None:
    verdict = compare_listings(listing(), edited(edit))
    broken = [finding for change in verdict.schemas for finding in change.verdict.findings]

    assert (verdict.answer, verdict.promises) == ("incompatible", ())
    assert [(each.rule, each.pointer, each.has_counterexample) for each in broken] == [(rule, pointer, True)]


@pytest.mark.parametrize(("edit", "rule", "sentence"), MISSED.values(), ids=MISSED)
def test_it_breaks_nobody_and_may_be_missed_when(edit: Edit, rule: str, sentence: str) -> None:
    verdict = compare_listings(listing(), edited(edit))
    noticed = [(each.rule, each.sentence) for change in verdict.schemas for each in change.verdict.notices]

    assert (verdict.answer, noticed) == ("compatible", [(rule, sentence)])


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_it_is_proved_to_be_harmless_when(edit: Edit) -> None:
    verdict = compare_listings(listing(), edited(edit))

    assert (verdict.answer, verdict.promises) == ("compatible", ())
    assert [each for change in verdict.schemas for each in change.verdict.notices] == []


def test_a_broken_promise_is_breaking_and_a_worse_target_is_not() -> None:
    shorter = compare_listings(listing(), edited(lambda new: cancel(new)["promise"].update(longest_seconds=60.0)))
    slower = compare_listings(listing(), edited(lambda new: cancel(new)["promise"].update(latency_seconds=20.0)))

    assert (shorter.answer, [each.rule for each in shorter.broken_promises]) == ("incompatible", ["longest"])
    assert (slower.answer, [each.rule for each in slower.promises], slower.broken_promises) == (
        "compatible",
        ["latency"],
        (),
    )


def test_a_default_that_means_something_else_may_be_missed() -> None:
    def with_note(default: str) -> Edit:
        return lambda new: cancel(new)["input"]["properties"].update(note={"type": "string", "default": default})

    verdict = compare_listings(edited(with_note("none")), edited(with_note("urgent")))
    noticed = [(each.rule, each.sentence) for change in verdict.schemas for each in change.verdict.notices]

    assert verdict.answer == "compatible"
    assert noticed == [("default", '/note left out means "urgent" now, it meant "none"')]


def test_strictly_nobody_is_taken_to_send_only_what_is_declared() -> None:
    more = edited(lambda new: cancel(new)["input"]["properties"].update(note={"type": "string"}))

    assert compare_listings(listing(), more).answer == "compatible"
    assert compare_listings(listing(), more, strict=True).answer == "incompatible"


def test_the_time_is_for_the_whole_listing() -> None:
    wide = {"oneOf": [{"type": "object", "properties": {f"p{n}": {"pattern": f"a{n}"}}} for n in range(30)]}
    old, new = (
        edited(lambda new, extra=extra: [each.update(input={**wide, **extra}) for each in new["operations"]])
        for extra in ({}, {"minProperties": 1})
    )

    verdict = compare_listings(old, new, Budget(seconds=0.0))

    assert verdict.answer == "unknown"
    rules = {finding.rule for change in verdict.schemas for finding in change.verdict.findings}
    assert rules == {"budget"}


def test_a_check_of_a_contract_takes_few_steps() -> None:
    """Steps are what the time goes into; how long they take is for the benchmark to say."""
    for service in services.values():
        for operation in describe(service).model_dump(mode="json")["operations"]:
            for part in ("input", "output"):
                changed: Any = json.loads(json.dumps(operation[part]))
                changed["properties"]["more"] = {"type": "string"}
                for schema in changed.get("$defs", {}).values():
                    schema.get("properties", {})["more"] = {"type": "string"}
                verdict = compare(operation[part], changed, "output")
                assert (verdict.answer, verdict.steps < 200) == ("compatible", True)
