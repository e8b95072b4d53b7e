"""What a model call can cost at worst, before it is made: what is sent has its price, what comes back can be cut."""

from typing import Final

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from callboard_kit.agent.messages import ModelRequest

BYTES_PER_TOKEN: Final = 2
"""Fewer bytes to a token than any text that is sent in earnest has; so what is read is never more than is thought."""

LONGEST_ANSWER: Final = 32_000
"""Tokens that an answer is taken to have at most, where nobody says how many a model writes."""

SHORTEST_ANSWER: Final = 128
"""Tokens below which asking is not worth what it costs."""

_SAMPLE: Final = 1_000_000


def tokens_read(request: ModelRequest) -> int:
    """Return how many tokens the model reads of `request`, at most."""
    size = len(request.model_dump_json(include={"messages", "tools", "output"}).encode())
    return size // BYTES_PER_TOKEN + 1


def affordable_answer(request: ModelRequest, *, model: str, base_url: str) -> int | None:
    """Return how many tokens the answer may have for the request to stay within its budgets; 0 when it cannot.

    None: there is no budget of tokens, and none of money either, or nobody knows the model's price.
    """
    by_money = _affordable_by_money(request, model=model, base_url=base_url)
    if request.budget_tokens is None:
        return by_money
    left = request.budget_tokens - tokens_read(request)
    by_tokens = 0 if left < SHORTEST_ANSWER else min(left, LONGEST_ANSWER - 1)
    return by_tokens if by_money is None else min(by_money, by_tokens)


def worst_cost(request: ModelRequest, answer: int | None, *, model: str, base_url: str) -> tuple[int, float]:
    """Return how many tokens and US dollars `request` can take; a price that nobody knows counts as none.

    Args:
        request: What is asked.
        answer: How many tokens the answer may have. None: as many as a model writes.
        model: Who is asked.
        base_url: Where.
    """
    read, written = tokens_read(request), LONGEST_ANSWER if answer is None else answer
    try:
        cost = _price(model, base_url, PricedUsage(input_tokens=read, output_tokens=written))
    except LookupError:
        cost = 0.0
    return read + written, cost


def _affordable_by_money(request: ModelRequest, *, model: str, base_url: str) -> int | None:
    if request.budget_usd is None:
        return None
    try:
        read = _price(model, base_url, PricedUsage(input_tokens=_SAMPLE, output_tokens=0))
        written = _price(model, base_url, PricedUsage(input_tokens=0, output_tokens=_SAMPLE))
    except LookupError:
        return None
    left = request.budget_usd - read * tokens_read(request) / _SAMPLE
    if left <= 0:
        return 0
    tokens = LONGEST_ANSWER if written <= 0 else int(left / written * _SAMPLE)
    return 0 if tokens < SHORTEST_ANSWER else min(tokens, LONGEST_ANSWER)


def _price(model: str, base_url: str, usage: PricedUsage) -> float:
    return float(calc_price(usage, model, provider_api_url=base_url).total_price)
