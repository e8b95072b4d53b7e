"""What is masked in the histories of every room: the run takes the same course, and the customer is not in it."""

import base64
import re
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from callboard_kit.contract_book import ContractBook
from callboard_kit.replaying import Gate
from callboard_kit.replaying.masking import masked
from callboard_kit.replaying.rooms import workflows_of
from callboard_kit.teams import installed_teams
from callboard_kit.testing.replay import histories
from tests.recording import shop

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {team: ROOT / "teams" / team / "tests" / "histories" for team in installed_teams()} | {
    "orchestrator": ROOT / "orchestrator" / "tests" / "histories"
}
RECORDED = [(team, path) for team, folder in FOLDERS.items() for path in histories(folder)]


IN_THEIR_OWN_WORDS = ("ApplyRemedy", "Wake")
"""Workflows that put values into sentences, which masking cannot follow: it masks the sentences as well."""


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def contents(text: str) -> str:
    """Return a history with its payloads decoded."""
    payloads = re.findall(r'"data": "([A-Za-z0-9+/=]+)"', text)
    return text + "".join(base64.b64decode(each).decode(errors="replace") for each in payloads)


@pytest.mark.parametrize(("team", "path"), RECORDED, ids=lambda each: each if isinstance(each, str) else each.stem)
async def test_a_masked_run_takes_the_same_course(team, path):
    gate = Gate(team, workflows_of(installed_teams()[team]))

    before = await gate.judge(history(path))
    after = await gate.judge(WorkflowHistory.from_json(path.stem, masked(history(path), ContractBook())))

    if path.stem in IN_THEIR_OWN_WORDS:
        assert before.verdict == "same"
        assert [why for why in after.why if ": input was" not in why] == [], "they still do the same, in the same order"
    else:
        assert (after.verdict, after.why) == (before.verdict, before.why)


@pytest.mark.parametrize(
    ("team", "name", "secrets"),
    [
        ("customers", "ModifyUserAddress", [shop.NEW_ADDRESS["address1"], shop.NEW_ADDRESS["city"]]),
        ("customers", "Assist", [shop.EMAIL]),
        ("orders", "ModifyPendingOrderAddress", [shop.NEW_ADDRESS["address1"], shop.NEW_ADDRESS["city"]]),
        ("orders", "ModifyPendingOrderPayment", [shop.GIFT_CARD, shop.CARD]),
        ("billing", "Charge", [shop.GIFT_CARD, shop.CARD]),
        ("orchestrator", "Relocate", [shop.NEW_ADDRESS["address1"], shop.EMAIL, "Smith"]),
    ],
)
def test_what_contracts_call_sensitive_is_gone(team, name, secrets):
    path = FOLDERS[team] / f"{name}.json"
    kept = [secret for secret in secrets if secret in contents(path.read_text())]
    assert kept, "the history holds at least one of them"

    told = contents(masked(history(path), ContractBook()))

    assert [secret for secret in kept if secret in told] == []
    assert name in told, "what was done is still to be seen"
