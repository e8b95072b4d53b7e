"""Which runs are queried: those that a query cannot break (docs/decisions/looking-at-runs.md)."""

import ast
from typing import Final

from rooms import ROOT, python_files

QUERIED: Final = {
    "deploy/src/callboard/command/shadow.py": "a shadow decides nothing for anybody",
    "deploy/src/callboard/rollouts/conducting.py": "a rollout hears nothing but its own timers and activities",
    "kit/src/callboard_kit/conversations/counter.py": "only a conversation that is over, or an older build's",
}


def test_no_run_that_goes_on_is_queried_but_those_that_a_query_cannot_break() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in python_files()
        if "src" in path.relative_to(ROOT).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Await)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "query"
    }

    assert found == set(QUERIED)
