"""docs/streaming.md and docs/gateway.md name what the code has: every kind of event, every scope, every code."""

import re
from pathlib import Path

import pytest

from callboard_kit.events import KINDS, Kind

ROOT = Path(__file__).parents[2]
STREAMING = (ROOT / "docs" / "streaming.md").read_text(encoding="utf-8")
GATEWAY = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
SOURCES = [path.read_text() for path in (ROOT / "orchestrator/src/callboard_orchestrator/gateway").glob("*.py")]
ROWS = dict(re.findall(r"^\| `([a-z.]+)` \| (.*) \|$", STREAMING, re.MULTILINE))


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_says_what_every_kind_of_event_holds(kind: Kind):
    named = re.findall(r"`([a-z_]+)`", ROWS[kind])

    assert [name for name in KINDS[kind].model_fields if name not in named] == []


def test_the_page_has_no_kind_that_does_not_exist():
    assert {kind for kind in ROWS if "." in kind} <= set(KINDS)


def test_the_page_names_every_code_of_a_problem():
    codes = {code for text in SOURCES for code in re.findall(r"ProblemError\(\s*\d{3}, \"([a-z_]+)\"", text)}

    assert codes - {"unexpected", "method_not_allowed", "run_exists"} <= set(re.findall(r"`([a-z_]+)`", GATEWAY))


def test_the_page_names_every_scope():
    scopes = {
        scope for text in SOURCES for scope in re.findall(r"^[A-Z_]+: Final = \"([a-z-]+)\"$", text, re.MULTILINE)
    }

    assert {"runs", "act-for", "runs-all"} <= scopes
    assert {"runs", "act-for", "runs-all", "approvals"} <= set(re.findall(r"^\| `([a-z-]+)` \|", GATEWAY, re.MULTILINE))
