"""How many tokens a model call can take, at most. Free of prices, so that workflows load little."""

from typing import Final

from callboard_kit.agent.messages import ModelRequest
from callboard_kit.token_size import BYTES_PER_TOKEN

LONGEST_ANSWER: Final = 32_000
"""Tokens that an answer is taken to have at most, where nobody says how many a model writes."""

SHORTEST_ANSWER: Final = 128
"""Tokens below which asking is not worth what it costs."""


def tokens_read(request: ModelRequest) -> int:
    """Return how many tokens the model reads of `request`, at most."""
    size = len(request.model_dump_json(include={"messages", "tools", "output"}).encode())
    return size // BYTES_PER_TOKEN + 1
