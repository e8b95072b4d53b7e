"""A guard for any agent: what its model says or wants called repeats no number of a payment card."""

import re
from typing import Final

from callboard_kit.guards.contexts import Answering
from callboard_kit.guards.declaring import AfterModel
from callboard_kit.guards.verdicts import PASS, Verdict, refuse

_NUMBER: Final = re.compile(r"(?<![\w#-])(?:\d[ -]?){12,18}\d(?![\w-])")
"""13 to 19 digits, as cards have them: together, or with spaces or dashes between."""


def repeats_no_card_number(answering: Answering) -> Verdict:
    """Say whether a model's words, and what it wants called, are free of payment card numbers."""
    texts = (answering.text, *(call.arguments for call in answering.calls))
    if any(_is_card(found.group()) for text in texts for found in _NUMBER.finditer(text)):
        return refuse("it repeats the number of a payment card; say 'the card' or give its id instead")
    return PASS


NO_CARD_NUMBERS: Final = AfterModel(name="no-card-numbers", check=repeats_no_card_number, only_answers=False)
"""Numbers of payment cards go to nobody: neither to whoever asked nor to another team."""


def _is_card(text: str) -> bool:
    """Tell whether digits are a card's: the last one is worked out from the others (Luhn)."""
    digits = [int(each) for each in text if each.isdigit()]
    doubled = (each * 2 for each in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(each - 9 if each > 9 else each for each in doubled)) % 10 == 0
