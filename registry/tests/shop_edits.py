"""Changes of the shop's description, and what is done with revisions of it."""

from collections.abc import Callable
from typing import Any

import pytest

from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryRefusedError

Edit = Callable[[dict[str, Any]], object]


def asks_more(operation: dict[str, Any]) -> None:
    operation["input"]["properties"]["colour"] = {"type": "string"}
    operation["input"]["required"].append("colour")


def takes_more(name: str = "colour", **schema: object) -> Edit:
    return lambda operation: operation["input"]["properties"].update({name: {"type": "string", **schema}})


def wants_a_format(operation: dict[str, Any]) -> None:
    operation["input"]["properties"]["text"]["format"] = "shoe-size"


def promises(**promise: object) -> Edit:
    return lambda operation: operation["promise"].update(promise)


def words(text: str) -> Edit:
    return lambda operation: operation.update(summary=text)


async def refused(asking) -> RegistryRefusedError:
    with pytest.raises(RegistryRefusedError) as refusal:
        await asking
    return refusal.value


async def approved(client: RegistryClient, document: bytes, **more: Any):
    listing = await client.publish_listing(document)
    return await client.set_state(listing.service, listing.digest, "approved", **more)
