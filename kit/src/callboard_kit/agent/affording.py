"""What a model call can cost at worst, before it is made: what is sent has its price, what comes back can be cut."""

from typing import Final

from callboard_contracts import Usage
from callboard_kit.agent.estimating import LONGEST_ANSWER, SHORTEST_ANSWER, tokens_read
from callboard_kit.agent.messages import ModelRequest
from callboard_kit.agent.prices import PUBLIC, Prices

_SAMPLE: Final = 1_000_000


def affordable_answer(request: ModelRequest, *, model: str, base_url: str, prices: Prices = PUBLIC) -> int | None:
    """Return how many tokens the answer may have for the request to stay within its budgets; 0 when it cannot.

    None: there is no budget of tokens, and none of money either, or nobody knows the model's price.
    """
    by_money = _affordable_by_money(request, model=model, base_url=base_url, prices=prices)
    if request.budget_tokens is None:
        return by_money
    left = request.budget_tokens - tokens_read(request)
    by_tokens = 0 if left < SHORTEST_ANSWER else min(left, LONGEST_ANSWER - 1)
    return by_tokens if by_money is None else min(by_money, by_tokens)


def worst_cost(
    request: ModelRequest, answer: int | None, *, model: str, base_url: str, prices: Prices = PUBLIC
) -> tuple[int, float]:
    """Return how many tokens and US dollars `request` can take; a price that nobody knows counts as none.

    Args:
        request: What is asked.
        answer: How many tokens the answer may have. None: as many as a model writes.
        model: Who is asked.
        base_url: Where.
        prices: What tokens cost.
    """
    read, written = tokens_read(request), LONGEST_ANSWER if answer is None else answer
    cost = prices.cost_usd(Usage(input_tokens=read, output_tokens=written), model=model, base_url=base_url)
    return read + written, cost or 0.0


def _affordable_by_money(request: ModelRequest, *, model: str, base_url: str, prices: Prices) -> int | None:
    if request.budget_usd is None:
        return None
    read = prices.cost_usd(Usage(input_tokens=_SAMPLE), model=model, base_url=base_url)
    written = prices.cost_usd(Usage(output_tokens=_SAMPLE), model=model, base_url=base_url)
    if read is None or written is None:
        return None
    left = request.budget_usd - read * tokens_read(request) / _SAMPLE
    if left <= 0:
        return 0
    tokens = LONGEST_ANSWER if written <= 0 else int(left / written * _SAMPLE)
    return 0 if tokens < SHORTEST_ANSWER else min(tokens, LONGEST_ANSWER)
