"""A small team for tests: what it publishes, and how it signs."""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import nexusrpc

from callboard_contracts import Message, ServiceDescription, describe, promise
from callboard_kit.identity import SigningKey
from callboard_registry.settings import Address
from callboard_registry_api.client import RegistryClient

ADMINISTRATOR = "administrator-for-tests"


class Wish(Message):
    """What is wanted."""

    text: str
    """In plain words."""


@nexusrpc.service(name="shop.v1")
class Shop:
    """Sells things."""

    sell: nexusrpc.Operation[Wish, Wish] = promise(
        kind="task", effect="write", latency=timedelta(seconds=1), longest=timedelta(minutes=1)
    )
    """Sell what is wanted."""


def shop_document(*, service: str = "shop.v1", longest: float = 60, summary: str = "Sells things.") -> bytes:
    """A description that holds together, varied where a test needs it."""
    document = describe(Shop).model_dump(mode="json")
    team = service.partition(".")[0]
    document.update(service=service, team=team, endpoint=team, summary=summary)
    document["operations"][0]["promise"]["longest_seconds"] = longest
    document["digest"] = ServiceDescription.model_validate(document).observable_digest()
    return json.dumps(document).encode()


@dataclass
class Member:
    """A team with a key, which signs as told."""

    key: SigningKey

    @property
    def team(self) -> str:
        return self.key.team

    def sign(self, method: str, digest: str) -> str:
        return self.token(mth=method, dig=digest)

    def token(self, **claims: object) -> str:
        now = int(time.time())
        return self.key.sign({"aud": "callboard-registry", "iat": now, "exp": now + 60, **claims})


@dataclass
class Running:
    """A registry that runs, and how to reach it."""

    grpc: Address
    http: Address

    def client(
        self,
        member: Member | None = None,
        *,
        sign: Callable[[str, str], str] | None = None,
        administrator_token: str | None = ADMINISTRATOR,
    ) -> RegistryClient:
        sign = sign or (member.sign if member else None)
        return RegistryClient(str(self.grpc), sign=sign, administrator_token=administrator_token)

    async def enrol(self, team: str) -> Member:
        member = Member(SigningKey.generate(team))
        async with self.client() as client:
            await client.register_key(team, member.key.key_id, member.key.public_key.public_bytes)
        return member


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
