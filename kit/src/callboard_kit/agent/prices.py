"""What a model call costs, where a public price is known."""

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from callboard_contracts import Usage


def cost_usd(usage: Usage, *, model: str, base_url: str) -> float | None:
    """Look the price up by the provider's address and the model's name; None when either is unknown."""
    try:
        price = calc_price(
            PricedUsage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
            model,
            provider_api_url=base_url,
        )
    except LookupError:
        return None
    return float(price.total_price)
