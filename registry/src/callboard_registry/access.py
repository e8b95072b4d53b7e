"""Who may write: teams prove themselves with a token they signed for one document, the administrator with a secret."""

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from callboard_kit.identity import FindKey, InvalidTokenError, VerifyingKey, claimed_signer, digest, verify
from callboard_registry.keyring import Keyring
from callboard_registry.refusals import Refusal

AUDIENCE: Final = "callboard-registry"

READING: Final = "Read"
"""What a token that only reads was signed for, whatever it reads."""

LONGEST_LIFE: Final = 300
"""Seconds between a token's issue and its expiry, at most."""

CLOCK_SKEW: Final = 30
"""Seconds by which a team's clock may be ahead of the registry's."""

_FIELD: Final = "authorization"


@dataclass(frozen=True)
class Proof:
    """What a token has proved."""

    team: str
    signed_at: int
    """When the team's clock said it signed, in seconds since 1970."""

    key_id: str
    """With which of its keys."""

    expires: int
    """Until when the token proves it, in seconds since 1970."""


class Proving:
    """Tells who asks, by the keys that are held and the administrator's secret.

    Tokens are those of the `authorization` header, None when there was none.
    """

    def __init__(self, keyring: Keyring, *, administrator_token: str) -> None:
        self._keyring = keyring
        self._secret = administrator_token

    def team(self, token: str | None, method: str, data: bytes) -> Proof:
        """Return which team signed `token` for sending `data` to `method`; reads the database.

        Raises:
            Refusal: None did.
        """
        return proved_team(token, method=method, data=data, find_key=self._verifying_key)

    def reader(self, token: str | None, method: str | None) -> Proof:
        """Return which team signed `token` to read, or to call `method` (None: any); reads the database.

        Raises:
            Refusal: None did.
        """
        return proved_reader(token, method=method, find_key=self._verifying_key)

    def is_administrator(self, token: str) -> bool:
        """Tell whether `token` is the administrator's."""
        return _same(token, self._secret)

    def administrator(self, token: str | None, method: str) -> None:
        """Do nothing if `token` is the administrator's.

        Raises:
            Refusal: It is not.
        """
        require_administrator(token, method=method, secret=self._secret)

    def _verifying_key(self, team: str, key_id: str) -> VerifyingKey | None:
        key = self._keyring.find(team, key_id)
        return _ready(team, key_id, key.public_bytes) if key else None


# Getting a key ready costs about as much as checking a signature with it.
@lru_cache(maxsize=1024)
def _ready(team: str, key_id: str, public_bytes: bytes) -> VerifyingKey:
    return VerifyingKey(team=team, key_id=key_id, public_bytes=public_bytes)


def proved_team(token: str | None, *, method: str, data: bytes, find_key: FindKey) -> Proof:
    """Return the team that signed `token` for sending `data` to `method`, now.

    Raises:
        Refusal: The token is missing, expired, signed by nobody known, or was made for something else.
    """
    if token is None:
        raise _unproved(f"{method} needs a token signed by the team's key: send 'authorization: Bearer <token>'")
    proof, claims = _proof(token, find_key)
    if claims.get("mth") != method:
        raise _unproved(f"token was signed for another method than {method}")
    if claims.get("dig") != digest(data):
        raise _unproved("token was signed for other content than was sent")
    return proof


def proved_reader(token: str | None, *, method: str | None, find_key: FindKey) -> Proof:
    """Return the team that signed `token` to read with it, or to call `method` (None: any).

    Raises:
        Refusal: The token is missing, expired, signed by nobody known, or was made for something else.
    """
    if token is None:
        raise _unproved(
            f"reading needs a token here, signed by a team's key for {READING!r}: send 'authorization: Bearer <token>'"
        )
    proof, claims = _proof(token, find_key)
    signed_for = str(claims.get("mth")).partition(":")[0]
    if method is not None and signed_for not in (READING, method):
        raise _unproved(f"token was signed for {signed_for!r}, neither for {READING!r} nor for {method!r}")
    return proof


def _proof(token: str, find_key: FindKey) -> tuple[Proof, Mapping[str, object]]:
    try:
        claims = verify(token, find_key)
    except InvalidTokenError as error:
        raise _unproved(f"{error}; register the team's key, then sign again") from error
    team, issued, expires = claims.get("iss"), claims.get("iat"), claims.get("exp")
    if not isinstance(team, str) or type(issued) is not int or type(expires) is not int:
        raise _unproved("token lacks a claim: 'iss', 'iat' and 'exp' are needed, the times in whole seconds")
    now = time.time()
    if claims.get("aud") != AUDIENCE:
        raise _unproved(f"token is not meant for {AUDIENCE!r}")
    if expires <= now:
        raise _unproved("token has expired; sign a new one")
    if issued > now + CLOCK_SKEW:
        raise _unproved("token comes from the future; compare the two machines' clocks")
    if expires - issued > LONGEST_LIFE:
        raise _unproved(f"token lives longer than {LONGEST_LIFE} seconds; sign one with an earlier 'exp'")
    signer = claimed_signer(token)
    assert signer is not None, "it was verified above"
    return Proof(team=team, signed_at=issued, key_id=signer[1], expires=expires), claims


def require_administrator(token: str | None, *, method: str, secret: str) -> None:
    """Do nothing if `token` is the administrator's.

    Raises:
        Refusal: It is not.
    """
    if token is None or not _same(token, secret):
        raise _unproved(f"{method} needs the administrator's token: send 'authorization: Bearer <token>'")


def bearer(header: str | None) -> str | None:
    """Return the token in an `authorization` header; None when there is none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _same(token: str, secret: str) -> bool:
    # In constant time: how long a refusal takes tells nothing about how much was right.
    return hmac.compare_digest(token.encode(), secret.encode())


def _unproved(message: str) -> Refusal:
    return Refusal("unauthenticated", _FIELD, message)
