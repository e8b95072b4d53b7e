"""Keeps histories encrypted: whole, with everything they hold, for those who have the key."""

from typing import Final

from cryptography.fernet import Fernet, InvalidToken

KEY: Final = "CALLBOARD_HISTORY_KEY"
"""The environment variable with the key that seals and opens histories."""


class SealError(ValueError):
    """A history cannot be sealed or opened; the message says why and what to do."""


def new_key() -> str:
    """Return a new key: 32 random bytes in base64."""
    return Fernet.generate_key().decode()


def sealed(text: str, key: str) -> bytes:
    """Encrypt a history (Fernet: AES-128-CBC with HMAC-SHA-256).

    Raises:
        SealError: `key` is no key.
    """
    return _fernet(key).encrypt(text.encode())


def opened(data: bytes, key: str) -> str:
    """Decrypt what `sealed` returned.

    Raises:
        SealError: `key` is no key, or not the one it was sealed with.
    """
    try:
        return _fernet(key).decrypt(data).decode()
    except InvalidToken as error:
        raise SealError(f"the history was not sealed with the key in {KEY}; set the one it was sealed with") from error


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        raise SealError(f"{KEY} holds no key; 'callboard replay key' makes one") from error
