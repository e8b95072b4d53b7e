"""Who signs: Ed25519 keys of teams, and the compact JWS they sign claims with.

EdDSA is deterministic (RFC 8032), so the same claims signed twice give the same token: signing is safe inside a
workflow. The algorithm's name in the header is `Ed25519` (RFC 9864); tokens with any other are refused.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM: Final = "Ed25519"
LONGEST_TOKEN: Final = 8192
"""Characters; Temporal takes no more in all headers of a call together."""

_KEY_ID: Final = "kid (header)"


class InvalidTokenError(Exception):
    """A token that proves nothing: malformed, signed by nobody known, or altered.

    The message says which, and never holds the token.
    """


class UnknownKeyError(InvalidTokenError):
    """A token by a key that nobody vouches for, as far as is known here."""


@dataclass(frozen=True)
class VerifyingKey:
    """The public half of a team's key: enough to check what the team signed."""

    team: str
    key_id: str
    public_bytes: bytes
    """32 bytes, as in RFC 8032."""

    @cached_property
    def jwk(self) -> OKPKey:
        """Return the key as a JSON Web Key."""
        return OKPKey.import_key(
            {"kty": "OKP", "crv": "Ed25519", "x": _base64url(self.public_bytes), "kid": self.key_id}
        )


FindKey = Callable[[str, str], VerifyingKey | None]
"""Looks a key up by team and key id; None when nobody vouches for it."""


class SigningKey:
    """A team's private key. Held by the team's own processes and by nobody else."""

    def __init__(self, *, team: str, private: Ed25519PrivateKey) -> None:
        self.team = team
        self._private = private
        raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(public).hexdigest()[:16]
        self.public_key = VerifyingKey(team=team, key_id=self.key_id, public_bytes=public)
        self._jwk = OKPKey.import_key(
            {"kty": "OKP", "crv": "Ed25519", "x": _base64url(public), "d": _base64url(raw), "kid": self.key_id}
        )

    def __repr__(self) -> str:
        """Name the key without showing it."""
        return f"SigningKey(team={self.team!r}, key_id={self.key_id!r})"

    @classmethod
    def generate(cls, team: str) -> "SigningKey":
        """Make a new key for `team`."""
        return cls(team=team, private=Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path, *, team: str) -> "SigningKey":
        """Read a key that `save` wrote (PKCS 8, PEM, not encrypted).

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file holds no Ed25519 private key.
        """
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        private = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(f"{str(path)!r} holds no Ed25519 private key")
        return cls(team=team, private=private)

    def save(self, path: Path) -> None:
        """Write the key to `path`, readable by its owner only."""
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        # A new file put in the place of an old one, whose mode might be wider, and made with its mode, not given it
        # afterwards: at no moment can others read the key.
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        fresh.replace(path)

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return `claims` as a compact JWS, with `iss` set to this key's team."""
        payload = json.dumps({**claims, "iss": self.team}, separators=(",", ":")).encode()
        return jws.serialize_compact({"alg": ALGORITHM, "kid": self.key_id}, payload, self._jwk, algorithms=[ALGORITHM])


def verify(token: str, find_key: FindKey) -> dict[str, object]:
    """Return the claims of `token` after checking its signature with its issuer's key.

    Expiry, audience and everything else the claims say are the caller's to judge.

    Raises:
        UnknownKeyError: Nobody vouches for its issuer and key.
        InvalidTokenError: It is malformed, or the signature does not fit.
    """
    claims = unchecked(token)
    issuer, key_id = str(claims["iss"]), str(claims.pop(_KEY_ID))
    key = find_key(issuer, key_id)
    if key is None:
        raise UnknownKeyError(f"no key {key_id!r} is known for {issuer!r}")
    if not _signature_fits(token, key):
        raise InvalidTokenError(f"token was not signed by key {key_id!r} of {issuer!r}")
    return claims


def claimed_signer(token: str) -> tuple[str, str] | None:
    """Return the team and the key id that a token names, whoever signed it; None if it names none."""
    try:
        claims = unchecked(token)
    except InvalidTokenError:
        return None
    return str(claims["iss"]), str(claims[_KEY_ID])


@lru_cache(maxsize=4096)
def _parsed(token: str) -> tuple[tuple[str, object], ...]:
    if len(token) > LONGEST_TOKEN:
        raise InvalidTokenError("token is malformed")
    try:
        unchecked = jws.extract_compact(token.encode())
        key_id: object = unchecked.headers().get("kid")
        claims: object = json.loads(unchecked.payload)
    except (JoseError, ValueError, RecursionError) as error:
        raise InvalidTokenError("token is malformed") from error
    if not isinstance(claims, dict):
        raise InvalidTokenError("token is malformed")
    known = cast("dict[str, object]", claims)  # JSON has no other keys.
    if not isinstance(known.get("iss"), str) or not isinstance(key_id, str):
        raise InvalidTokenError("token names no issuer or no key")
    return (*known.items(), (_KEY_ID, key_id))


def unchecked(token: str) -> dict[str, object]:
    """Return what a token claims, whoever signed it: to find out with whose key it is to be checked.

    Raises:
        InvalidTokenError: It is malformed.
    """
    return dict(_parsed(token))


# The links of a chain arrive again with every call below them, and a redelivery brings the same token.
@lru_cache(maxsize=4096)
def _signature_fits(token: str, key: VerifyingKey) -> bool:
    try:
        return jws.validate_compact(jws.extract_compact(token.encode()), key.jwk, algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        return False


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in base64url without padding (43 characters)."""
    return _base64url(hashlib.sha256(data).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
