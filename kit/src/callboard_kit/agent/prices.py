"""What a model call costs, where a price is known: the public ones, and those that a file says instead."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from callboard_contracts import Usage
from callboard_kit.messages import KitMessage
from callboard_kit.settings import SettingsError

_MILLION: Final = 1_000_000


class Price(KitMessage):
    """What a model costs, in US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid")

    input_usd: Annotated[float, Field(ge=0)]
    """For what it reads."""

    output_usd: Annotated[float, Field(ge=0)]
    """For what it writes."""


class Prices:
    """The prices that count here: a model's own, where one is said, else the public one."""

    def __init__(self, own: Mapping[str, Price] | None = None) -> None:
        self._own = dict(own or {})

    @classmethod
    def from_file(cls, path: Path | None) -> "Prices":
        """Read a JSON file that says for each model what it costs.

        Raises:
            SettingsError: It cannot be read, or says something else.
        """
        if path is None:
            return cls()
        try:
            return cls(TypeAdapter(dict[str, Price]).validate_json(path.read_bytes()))
        except OSError as error:
            raise SettingsError(f"CALLBOARD_PRICES is {str(path)!r}, which cannot be read: {error.strerror}") from None
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the file"
            raise SettingsError(
                f"CALLBOARD_PRICES is {str(path)!r}, in which {where} cannot be used ({fault['msg']}); write "
                '{"<model>": {"input_usd": 1.5, "output_usd": 6}}, in US dollars for a million tokens'
            ) from None

    def cost_usd(self, usage: Usage, *, model: str, base_url: str) -> float | None:
        """Return what `usage` of a model costs; None when nobody knows.

        A public price is looked up by the provider's address and the model's name.
        """
        if (own := self._own.get(model)) is not None:
            return (usage.input_tokens * own.input_usd + usage.output_tokens * own.output_usd) / _MILLION
        try:
            price = calc_price(
                PricedUsage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
                model,
                provider_api_url=base_url,
            )
        except LookupError:
            return None
        return float(price.total_price)


PUBLIC: Final = Prices()
"""Public prices alone."""


def cost_usd(usage: Usage, *, model: str, base_url: str, prices: Prices = PUBLIC) -> float | None:
    """Return what `usage` costs; None when nobody knows."""
    return prices.cost_usd(usage, model=model, base_url=base_url)
