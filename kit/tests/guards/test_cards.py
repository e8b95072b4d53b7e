"""Numbers of payment cards are repeated to nobody."""

import pytest
from guard_flows import PAY, guarded
from temporalio.client import Client

from callboard_kit.guards import PASS, Answering, Called
from callboard_kit.guards.cards import NO_CARD_NUMBERS, repeats_no_card_number
from callboard_kit.testing import calling

CARD = "4111 1111 1111 1111"


def said(text: str = "", *calls: str) -> Answering:
    return Answering(agent="a", goal="g", step=1, text=text, calls=[Called(tool="t", arguments=each) for each in calls])


@pytest.mark.parametrize(
    "answering",
    [
        said(f"Your card {CARD} is charged."),
        said("4111111111111111"),
        said("5500-0000-0000-0004"),
        said("", '{"goal": "Charge 340000000000009 please."}'),
    ],
)
def test_a_card_number_is_refused_and_not_repeated_in_the_reason(answering: Answering):
    verdict = repeats_no_card_number(answering)

    assert verdict.action == "refuse"
    assert not any(each.isdigit() for each in verdict.reason)


@pytest.mark.parametrize(
    "text",
    [
        "Order #W2309762 was paid with credit_card_4111111111111111.",
        "The items are 5201030633, 2530373785 and 1572315428.",
        "4111 1111 1111 1112",
        "Call 0221 4710815 or track 123456789012.",
        "404.21 and 2026-11-22 09:00:00",
        "",
    ],
)
def test_other_numbers_pass(text: str):
    assert repeats_no_card_number(said(text, f'{{"text": "{text}"}}')) == PASS


async def test_what_repeats_one_is_taken_back_before_anything_comes_of_it(client: Client):
    call = [calling("pay", f'{{"amount": 5, "note": "{CARD}"}}')]
    async with guarded(client, call, f"I paid with {CARD}.", "Paid with the card.", guards=[NO_CARD_NUMBERS]) as stage:
        outcome = await stage.run()
        conversation = str(stage.model.requests[-1].messages)

    assert PAY.name == "pay"
    assert stage.shop.paid == []
    assert outcome.answer == "Paid with the card."
    assert CARD not in conversation
