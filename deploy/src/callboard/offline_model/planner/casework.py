"""Working on a case: find out, decide, act, answer.

Written straight down. `Desk.fetch` and `Desk.wait` break off where a result is
missing, and the next request comes by here again with that result at hand.
"""

import re

from callboard.offline_model.planner.casebook import Casebook, Deed, GivenUpError, find_customer, find_orders, sorry
from callboard.offline_model.planner.decisions import DECIDE, sum_of
from callboard.offline_model.planner.desk import Desk, Result
from callboard.offline_model.planner.words import Case


def work(case: Case, desk: Desk) -> str:
    """Work on a case as far as the results allow, and return the answer once it is settled.

    Raises:
        WaitingError: A result is missing; the desk knows which.
    """
    book = Casebook(case, desk)
    try:
        find_customer(book)
        find_orders(book)
        for wish in case.wishes:
            if not wish.conditional:
                DECIDE[wish.kind](book, wish)
        desk.wait()
    except GivenUpError as reason:
        book.refusals.append(str(reason))
        book.deeds.clear()
    amounts = _act(book)
    _sum_up(book, amounts)
    _hand_over(book)
    return " ".join([*book.answers, *book.refusals]) or "There was nothing to do."


def _act(book: Casebook) -> list[str]:
    """Do what was decided: at the same time where the deeds are about different things, else in turn."""
    busy: set[str] = set()
    outcomes: list[tuple[Deed, Result]] = []
    for place, deed in enumerate(book.deeds):
        # The same thing may have been said twice in other words.
        if deed.about in busy or deed in book.deeds[:place]:
            continue
        result = book.desk.ask(deed.operation, **deed.arguments)
        if result is None:
            busy.add(deed.about)
        else:
            outcomes.append((deed, result))
    book.desk.wait()
    book.answers.extend(deed.done for deed, result in outcomes if result.ok)
    book.refusals.extend(sorry(deed.tried, result) for deed, result in outcomes if not result.ok)
    return [deed.amount for deed, result in outcomes if result.ok and deed.amount]


def _sum_up(book: Casebook, amounts: list[str]) -> None:
    """Compute the total of what was done, if it is wanted: of the orders that are known when nothing was to be done."""
    wishes = [wish.text for wish in book.case.wishes if wish.kind == "total" and not wish.conditional]
    if not wishes:
        return
    if not amounts and not book.deeds:
        amounts = [sum_of(item.price for order in book.known.values() for item in order.items)]
    if not amounts:
        return
    expression = " + ".join(amounts)
    pays = re.search(r"\b(?:pay|owe|charged?|cost|difference)\b", wishes[0], re.I)
    if book.deeds and pays and not re.search(r"\b(?:back|refund)", wishes[0], re.I):
        expression = f"0 - ({expression})"
    result = book.desk.fetch("calculate", expression=expression)
    if result.ok:
        book.answers.append(f"In total that is ${result.field('result')}.")
    else:
        book.refusals.append(sorry("work out the total", result))


def _hand_over(book: Casebook) -> None:
    """Hand over to a human if that is wanted, or was to happen if something cannot be had."""
    outright = book.case.wants("human")
    otherwise = any(wish.kind == "human" and wish.conditional for wish in book.case.wishes)
    if not outright and not (otherwise and book.refusals):
        return
    summary = f"Asked: {book.case.words} So far: {' '.join([*book.answers, *book.refusals]) or 'nothing was done.'}"
    result = book.desk.fetch("transfer_to_human_agents", summary=summary[:4000])
    if result.ok:
        book.answers.append("A human takes over from here.")
    else:
        book.refusals.append(sorry("hand you over to a human", result))
