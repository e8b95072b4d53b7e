"""How many tokens a text can take, from above: no tokenizer is asked, so it holds for every model and without a net."""

from typing import Final

BYTES_PER_TOKEN: Final = 2
"""Fewer bytes to a token than any text that is sent in earnest has; so what is read is never more than is thought."""

_SHORT_ESCAPES: Final = frozenset('"\\\b\f\n\r\t')


def bytes_sent(text: str) -> int:
    """Return how many bytes a text takes inside of a request, which is JSON: quotes and line breaks count twice."""
    return sum(map(_bytes_of, text))


def tokens_of(text: str) -> int:
    """Return how many tokens a model reads of a text, at most."""
    return -(-bytes_sent(text) // BYTES_PER_TOKEN)


def _bytes_of(character: str) -> int:
    if character in _SHORT_ESCAPES:
        return 2
    code = ord(character)
    if code < 0x20 or 0xD800 <= code <= 0xDFFF:
        return 6
    if code < 0x80:
        return 1
    if code < 0x800:
        return 2
    return 3 if code < 0x10000 else 4
