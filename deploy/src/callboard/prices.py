"""What work cost, in words a person reads."""

from callboard_contracts import Usage


def in_words(usage: Usage) -> str:
    """Return what `usage` stands for; US dollars only where a price is known."""
    if not usage.model_calls:
        return "no model was asked"
    words = f"{usage.model_calls} model calls, {usage.input_tokens:,} tokens read, {usage.output_tokens:,} written"
    return words if usage.cost_usd is None else f"{words}, US$ {usage.cost_usd:.4f}"
