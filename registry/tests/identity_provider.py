"""A small OpenID Connect provider for tests: real endpoints, real signatures, and whatever it is told to get wrong."""

import asyncio
import base64
import contextlib
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI, Form, Header
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

NONE = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
CLIENT, SECRET = "callboard", "a secret: with % in it"


def rsa(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": name, "use": "sig"})


@dataclass
class IdentityProvider:
    """Lets in whoever `claims` says, without asking for a password."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: rsa("one"))
    published: list[RSAKey] = field(default_factory=list)
    claims: dict[str, object] = field(default_factory=lambda: dict(ADA))
    algorithm: str = "RS256"
    refuses: str = ""
    """What it answers instead of a code."""

    wrong: dict[str, object] = field(default_factory=dict)
    """Claims of the ID token that are put in the place of the right ones; None takes one away."""

    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    signs_with: RSAKey | None = None

    def token(self, asked: Mapping[str, str]) -> str:
        now = int(time.time())
        right = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {name: value for name, value in {**right, **self.claims, **self.wrong}.items() if value is not None}
        key = self.signs_with or self.key
        if self.algorithm == "none":
            unsigned = jwt.encode({"alg": "RS256"}, claims, key).split(".")[1]
            return f"{NONE}.{unsigned}."
        return jwt.encode({"alg": self.algorithm, "kid": key.kid}, claims, key)


ADA: Mapping[str, object] = {"email": "ada@example.com", "email_verified": True, "groups": ["finance"]}


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def application(provider: IdentityProvider) -> FastAPI:
    """Return its endpoints."""
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def metadata() -> dict[str, object]:
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "jwks_uri": f"{provider.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }

    @app.get("/keys")
    async def keys() -> object:
        return KeySet(provider.published or [provider.key]).as_dict(private=False)

    @app.get("/authorize")
    async def authorize(
        redirect_uri: str, state: str, nonce: str, code_challenge: str, code_challenge_method: str, client_id: str
    ) -> RedirectResponse:
        assert (client_id, code_challenge_method) == (CLIENT, "S256")
        code = secrets.token_urlsafe(8)
        provider.codes[code] = {"nonce": nonce, "challenge": code_challenge, "redirect_uri": redirect_uri}
        said = {"error": provider.refuses} if provider.refuses else {"code": code}
        return RedirectResponse(f"{redirect_uri}?{urlencode({**said, 'state': state, 'iss': provider.issuer})}")

    @app.post("/token")
    async def token(
        code: str = Form(), code_verifier: str = Form(), redirect_uri: str = Form(), authorization: str = Header()
    ) -> JSONResponse:
        asked = provider.codes.pop(code, None)
        client = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        challenge = _part(hashlib.sha256(code_verifier.encode()).digest())
        if asked is None or asked["challenge"] != challenge or asked["redirect_uri"] != redirect_uri:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if client != "callboard:a%20secret%3A%20with%20%25%20in%20it":
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": provider.token(asked)})

    del metadata, keys, authorize, token
    return app


@contextlib.asynccontextmanager
async def identity_provider() -> AsyncIterator[IdentityProvider]:
    """Serve one on a free port for the length of the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        provider = IdentityProvider(issuer=f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = uvicorn.Config(application(provider), log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # pyright: ignore[reportAttributeAccessIssue] - they are the tests'
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield provider
        finally:
            server.should_exit = True
            await task
