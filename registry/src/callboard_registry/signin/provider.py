"""Signing in by OpenID Connect: the authorisation code flow with PKCE, and an ID token that is checked.

A browser is sent to the provider and comes back with a code, which is exchanged, from here, for an ID token. What
ties the three together (state, nonce, PKCE's verifier) waits in the database and is good once.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from callboard_kit.persons import Name
from callboard_registry.signin.configuration import ProviderSettings

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""What an ID token may be signed with: only what needs the provider's private key."""

LEEWAY: Final = 60
"""Seconds by which the provider's clock may differ."""

_TIMEOUT: Final = 10.0
_KEPT: Final = 3600.0
"""Seconds for which what the provider says of itself counts."""

ASKED_AGAIN: Final = 30.0
"""Seconds between two looks for keys that are not known."""

_MOST_GROUPS: Final = 200


class ProviderError(Exception):
    """Signing in by the provider did not work out; the message says why, for the person and the log."""


class _Metadata(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A way to the provider that somebody was sent on; what has to be remembered until they are back."""

    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (RFC 7636, S256)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    @classmethod
    def new(cls) -> "Begun":
        """Make one up."""
        return cls(nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48))


@dataclass(frozen=True)
class Proved:
    """Who the provider says somebody is."""

    name: str
    groups: tuple[str, ...]


class Provider:
    """One identity provider."""

    def __init__(self, settings: ProviderSettings, *, callback: str) -> None:
        self._settings = settings
        self._callback = callback
        self._metadata: tuple[float, _Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def address(self, begun: Begun, state: str) -> str:
        """Return where the browser is sent.

        Raises:
            ProviderError: The provider does not say where that is.
        """
        metadata = await self._said()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._settings.client,
                "redirect_uri": self._callback,
                "scope": self._settings.scopes,
                "state": state,
                "nonce": begun.nonce,
                "code_challenge": begun.challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{metadata.authorization_endpoint}{'&' if '?' in metadata.authorization_endpoint else '?'}{query}"

    async def finish(self, begun: Begun, code: str, issuer: str) -> Proved:
        """Return who came back with `code`.

        Args:
            begun: What was remembered of the way there.
            code: What they brought.
            issuer: Who they say sent them (RFC 9207); empty if they do not say.

        Raises:
            ProviderError: Nobody is proved by it.
        """
        metadata = await self._said()
        expected = metadata.authorization_response_iss_parameter_supported
        if (issuer or expected) and issuer != metadata.issuer:
            raise ProviderError("the answer came from another identity provider than was asked")
        token = await self._exchanged(metadata, begun, code)
        return self._person(await self._checked(metadata, token, begun.nonce))

    async def _exchanged(self, metadata: _Metadata, begun: Begun, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": begun.verifier,
        }
        headers: dict[str, str] = {}
        methods = metadata.token_endpoint_auth_methods_supported
        if not self._settings.secret:
            form["client_id"] = self._settings.client
        elif "client_secret_basic" in methods or "client_secret_post" not in methods:
            # RFC 6749 2.3.1: both are form-encoded first.
            both = f"{quote(self._settings.client, safe='')}:{quote(self._settings.secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        else:
            form |= {"client_id": self._settings.client, "client_secret": self._settings.secret}
        answer = await self._ask("POST", metadata.token_endpoint, form=form, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("the identity provider gave no ID token; is 'openid' among the scopes?")
        return token

    async def _checked(self, metadata: _Metadata, token: str, nonce: str) -> Mapping[str, object]:
        """Return what an ID token says, after every check of OpenID Connect Core 3.1.3.7."""
        try:
            try:
                decoded = jwt.decode(token, await self._key_set(metadata), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                # The provider may have a new key since.
                decoded = jwt.decode(token, await self._key_set(metadata, again=True), algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": metadata.issuer},
                aud={"essential": True, "value": self._settings.client},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            ).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise ProviderError(f"the identity provider's word does not count: {error}") from error
        claims = cast("Mapping[str, object]", decoded.claims)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise ProviderError("the identity provider's word is about another attempt to sign in")
        audience = claims["aud"]
        party = claims.get("azp")
        if party is not None and party != self._settings.client:
            raise ProviderError("the identity provider's word was given to another application")
        if isinstance(audience, list) and len(cast("list[object]", audience)) > 1 and party is None:
            raise ProviderError("the identity provider's word is meant for several applications and names none of them")
        return claims

    def _person(self, claims: Mapping[str, object]) -> Proved:
        claim = self._settings.name_claim
        try:
            name = TypeAdapter[str](Name).validate_python(claims.get(claim))
        except ValidationError as error:
            raise ProviderError(
                f"the identity provider's claim {claim!r} holds no name that can be used: letters, digits and ._@+-;"
                " CALLBOARD_CONSOLE_OIDC_NAME says which claim is taken"
            ) from error
        # Whoever can enter any address at the provider must not become its owner here.
        if claim == "email" and claims.get("email_verified") is not True:
            raise ProviderError(f"the identity provider has not verified that {name!r} is this person's address")
        given = claims.get(self._settings.groups_claim, ())
        listed = [given] if isinstance(given, str) else cast("list[object]", given) if isinstance(given, list) else []
        return Proved(name, tuple(str(group) for group in listed[:_MOST_GROUPS]))

    async def _said(self) -> _Metadata:
        if self._metadata is None or time.monotonic() - self._metadata[0] > _KEPT:
            address = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                said = _Metadata.model_validate(await self._ask("GET", address))
            except ValidationError as error:
                raise ProviderError(f"{address!r} does not say what OpenID Connect needs to know") from error
            if said.issuer != self._settings.issuer:
                raise ProviderError(
                    f"the identity provider calls itself {said.issuer!r}; CALLBOARD_CONSOLE_OIDC_ISSUER is"
                    f" {self._settings.issuer!r}"
                )
            self._metadata = (time.monotonic(), said)
        return self._metadata[1]

    async def _key_set(self, metadata: _Metadata, *, again: bool = False) -> KeySet:
        age = ASKED_AGAIN if again else _KEPT
        if self._keys is None or time.monotonic() - self._keys[0] > age:
            told = await self._ask("GET", metadata.jwks_uri)
            found = [key for key in cast("Sequence[Mapping[str, object]]", told.get("keys", ())) if _signs(key)]
            # What it cannot use, it need not understand: providers publish keys of other kinds too.
            self._keys = (time.monotonic(), KeySet.import_key_set({"keys": found}))  # pyright: ignore[reportArgumentType] - as it came
        return self._keys[1]

    async def _ask(
        self,
        method: str,
        address: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, object]:
        # Only who asks pays for it: the registry starts without.
        import httpx2

        try:
            async with httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as http:
                answer = await http.request(
                    method, address, data=form, headers={"accept": "application/json", **(headers or {})}
                )
                told: object = answer.json()
        except httpx2.HTTPError as error:
            raise ProviderError(f"the identity provider does not answer at {address!r}") from error
        except ValueError as error:
            raise ProviderError(f"the identity provider's answer at {address!r} is no JSON") from error
        if not isinstance(told, dict):
            raise ProviderError(f"the identity provider's answer at {address!r} is no object")
        told = cast("dict[str, object]", told)
        if answer.status_code != 200:
            why = str(told.get("error", "no reason given"))[:200]
            raise ProviderError(f"the identity provider refuses with {answer.status_code}: {why!r}")
        return told


def _signs(key: Mapping[str, object]) -> bool:
    return key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
