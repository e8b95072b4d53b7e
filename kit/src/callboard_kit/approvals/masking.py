"""What a person sees of arguments: everything but the values of fields that the contract marks as sensitive."""

from collections.abc import Mapping
from typing import Final

from callboard_kit.events.masking import masked

HIDDEN: Final = "(hidden)"
"""What stands in the place of a value of which nobody says what it is."""


def shown(arguments: Mapping[str, object], sensitive: Mapping[str, str] | None) -> dict[str, object]:
    """Return `arguments` as a question may show them.

    Args:
        arguments: A JSON object.
        sensitive: Dotted path to class of data, as in a promise. None: nobody knows, so no value is shown.
    """
    if sensitive is None:
        return {name: HIDDEN for name in arguments}
    return masked(arguments, sensitive) or {"arguments": "(too long to be shown)"}
