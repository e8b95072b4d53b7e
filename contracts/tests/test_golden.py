"""What is published is what was agreed: the listing documents are kept beside the tests.

Renew them after a change that is meant: `python -m callboard_contracts --into contracts/tests/golden`.
"""

import json
from pathlib import Path

import pytest

from callboard_contracts import describe, services
from callboard_contracts.__main__ import document
from callboard_contracts.changes import breaking_changes

GOLDEN = Path(__file__).parent / "golden"
RENEW = "if the change is meant, run: python -m callboard_contracts --into contracts/tests/golden"


@pytest.mark.parametrize("name", services)
def test_a_service_publishes_what_its_golden_file_says(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    published = json.loads(document(name))

    broken = breaking_changes(golden, published)
    assert not broken, f"{name} would break its callers; make it a new version:\n" + "\n".join(broken)
    assert published["digest"] == golden["digest"], f"{name} looks different to its callers; {RENEW}"
    assert published == golden, f"the words of {name} have changed; {RENEW}"


def test_there_is_a_golden_file_for_every_service_and_no_other() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == list(services)


@pytest.mark.parametrize("name", services)
def test_a_service_can_take_its_own_place(name: str) -> None:
    assert breaking_changes(describe(services[name]), describe(services[name])) == []
