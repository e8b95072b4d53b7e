"""The contracts of this house: the same is compatible, and each edit of them is judged as it should be."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from callboard_contracts import describe, services
from callboard_registry.compatibility import DIRECTIONS, compare, compare_listings

EDITS = Path(__file__).parents[3] / "contracts/tests/test_changes.py"

# The contracts' own check holds these to be breaking, too. By the rule here nothing breaks: what is sent in vain is
# ignored, and what was optional need not be answered. They are told as dropped.
DROPPED = {"an input field is removed": "/reason", "an output field is removed": "/cancel_reason"}

# What each edit that breaks something breaks: the rule and the place in the schema that refuses.
BROKEN = {
    "an input field is added and required": ("required", "/required"),
    "an input enum is narrowed": ("enum", "/properties/reason/enum"),
    "an input type is changed": ("type", "/properties/order_id/type"),
    "an input bound is narrowed": ("maxLength", "/properties/order_id/maxLength"),
    "an input gets a pattern": ("pattern", "/properties/order_id/pattern"),
    "the elements of an input list are narrowed": ("minLength", "/properties/item_ids/items/minLength"),
    "an output field is not always there any more": ("required", "/required"),
    "an output may be something new": ("enum", "/properties/status/enum"),
    "an output may be nothing": ("type", "/properties/user_id/type"),
    "a field deep in an output is removed": ("required", "/$defs/Item/required"),
}


def edits() -> ModuleType:
    if not EDITS.is_file():
        pytest.skip(f"the edits are not here: {EDITS}")
    spec = importlib.util.spec_from_file_location("edits_of_contracts", EDITS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table() -> ModuleType:
    return edits()


@pytest.mark.parametrize("service", services)
def test_a_contract_takes_its_own_place(service: str) -> None:
    for operation in describe(services[service]).model_dump(mode="json")["operations"]:
        for part in ("input", "output"):
            # In other words: neither is the same text as the other.
            again = {"description": "In other words.", **dict(reversed(operation[part].items()))}
            for direction in DIRECTIONS:
                assert compare(operation[part], again, direction).answer == "compatible"


def test_each_edit_that_breaks_is_found(table: ModuleType) -> None:
    for name, (edit, _) in table.BREAKING.items():
        verdict = compare_listings(table.listing(), table.edited(edit))
        broken = [finding for change in verdict.schemas for finding in change.verdict.findings]
        dropped = [pointer for change in verdict.schemas for pointer in change.verdict.dropped]
        if name in DROPPED:
            assert (verdict.answer, dropped) == ("compatible", [DROPPED[name]]), name
            continue
        assert verdict.answer == "incompatible", name
        assert [(each.rule, each.pointer) for each in broken] == ([BROKEN[name]] if name in BROKEN else []), name
        assert bool(verdict.broken_promises) is (name not in BROKEN), name


def test_each_edit_that_is_harmless_is_proved_to_be(table: ModuleType) -> None:
    for name, edit in table.HARMLESS.items():
        verdict = compare_listings(table.listing(), table.edited(edit))
        assert verdict.answer == "compatible", name
        assert verdict.broken_promises == (), name


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
