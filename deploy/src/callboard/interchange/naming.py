"""Names for the code that others generate: every wire name has one, and the wire name itself stays as it is."""

import re
from typing import Final

SERVICE_KEY: Final = re.compile(r"[A-Z][A-Za-z0-9]+")
OPERATION_KEY: Final = re.compile(r"[a-z][A-Za-z0-9]+")

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z0-9]+")


def service_key(wire_name: str) -> str:
    """Return the key of a service: `OrdersV1` for `orders.v1`, `Chat` for `example.chat.v1.Chat`."""
    last = wire_name.rpartition(".")[2]
    return last if SERVICE_KEY.fullmatch(last) else type_name(wire_name)


def operation_key(wire_name: str) -> str:
    """Return the key of an operation: `cancelOrder` for `cancel_order` and for `CancelOrder`."""
    name = type_name(wire_name)
    first = _WORD.match(name)
    return first[0].lower() + name[first.end() :] if first else name


def operation_name(key: str) -> str:
    """Return the wire name of an operation whose file gives none: `CancelOrder` for `cancelOrder`."""
    return type_name(key)


def type_name(text: str) -> str:
    """Return the words of `text` as one name with capitals: `GetPageInput` for `get-page input`."""
    return "".join(word[0].upper() + word[1:].lower() for word in _WORD.findall(text))


def type_key(text: str) -> str:
    """Return `text` if it can name a type as it is, else its words as one name."""
    return text if SERVICE_KEY.fullmatch(text) else type_name(text)


def in_words(wire_name: str) -> str:
    """Return a name as a person would say it: `Cancel order` for `cancel_order`."""
    return " ".join(word.lower() for word in _WORD.findall(wire_name)).capitalize()
