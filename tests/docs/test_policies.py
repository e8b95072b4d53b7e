"""The rules that the pages show are rules that a worker takes."""

import re
from pathlib import Path

import pytest

from callboard_kit.teams import Team

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "add-a-team.md").read_text(encoding="utf-8")
RULES = re.findall(
    r"^```toml\n(.*?)^```", PAGE + (DOCS / "approvals.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("rules", RULES)
def test_a_rule_of_the_page_can_be_used(rules: str):
    team = Team.parse(f'owner = "o"\ncontact = "c"\n{rules}', name="greeters", source="the page")

    assert team.policy.rules


def test_the_page_names_every_key_of_a_team_file():
    [keys] = re.findall(r"^Keys of the file: (.*?)\. ", PAGE, re.MULTILINE)

    fields = [name for name in Team.model_fields if name not in ("name", "policy")]
    assert re.findall(r"`(.*?)`", keys) == [*fields, "policy.rules"]
