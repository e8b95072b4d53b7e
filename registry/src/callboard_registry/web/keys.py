"""What HTTP answers about keys."""

import base64

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from callboard_registry.registry import Registry
from callboard_registry.web import shapes
from callboard_registry.web.moments import moment
from callboard_registry_api.model import PublicKey


def keys_router(registry: Registry) -> APIRouter:
    """Serve public keys."""
    router = APIRouter()

    @router.get("/v1/keys", response_model=shapes.Keys)
    async def keys(team: str = "", page_size: int = 0, page_token: str = "") -> JSONResponse:
        """List public keys."""
        page = await registry.list_public_keys(team=team, size=page_size, page_token=page_token)
        return JSONResponse({"keys": [shown_key(one) for one in page.items], "next_page_token": page.next_page_token})

    del keys  # they live in the router now
    return router


def shown_key(key: PublicKey) -> dict[str, object]:
    """Return a public key as JSON holds it."""
    public = base64.urlsafe_b64encode(key.public_bytes).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": key.key_id, "x": public}
    ends = None if key.expires is None else moment(key.expires)
    return {"team": key.team, "key_id": key.key_id, "created": moment(key.created), "expires": ends, "jwk": jwk}
