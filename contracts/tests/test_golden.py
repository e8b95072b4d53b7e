"""What is published is what was agreed: the listing documents are kept beside the tests.

Renew them after a change that is meant: `python -m callboard_contracts --into contracts/tests/golden`.
"""

import json
from pathlib import Path

import pytest

from callboard_contracts import services
from callboard_contracts.__main__ import document

GOLDEN = Path(__file__).parent / "golden"
RENEW = (
    "see what it breaks with: callboard contracts check {0} --against contracts/tests/golden/{0}.json; "
    "if the change is meant, run: python -m callboard_contracts --into contracts/tests/golden"
)


@pytest.mark.parametrize("name", services)
def test_a_service_publishes_what_its_golden_file_says(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    published = json.loads(document(name))

    assert published["digest"] == golden["digest"], f"{name} looks different to its callers; {RENEW.format(name)}"
    assert published == golden, f"the words of {name} have changed; {RENEW.format(name)}"


def test_there_is_a_golden_file_for_every_service_and_no_other() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == list(services)
