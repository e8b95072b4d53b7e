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


def affordable_answer(request: ModelRequest, *, model: str, base_url: str) -> int | None:
    """Return how many tokens the answer may have for the request to stay within its budget; 0 when it cannot.

    None: there is no budget, or nobody knows the model's price, so that there is nothing to hold it to.
    """
    if request.budget_usd is None:
        return None
    try:
        read = _price(model, base_url, PricedUsage(input_tokens=_SAMPLE, output_tokens=0))
        written = _price(model, base_url, PricedUsage(input_tokens=0, output_tokens=_SAMPLE))
    except LookupError:
        return None
    size = len(request.model_dump_json(include={"messages", "tools", "output"}).encode())
    left = request.budget_usd - read * (size // BYTES_PER_TOKEN + 1) / _SAMPLE
    if left <= 0:
        return 0
    tokens = LONGEST_ANSWER if written <= 0 else int(left / written * _SAMPLE)
    return 0 if tokens < SHORTEST_ANSWER else min(tokens, LONGEST_ANSWER)


def _price(model: str, base_url: str, usage: PricedUsage) -> float:
    return float(calc_price(usage, model, provider_api_url=base_url).total_price)
