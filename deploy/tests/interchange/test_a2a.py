"""An agent card shows a service as skills, and its contract in an extension."""

from typing import Any

import pytest
from coming_back import validator

from callboard.interchange.a2a import EXTENSION, agent_card
from callboard_contracts import describe, services

CARD = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "description": {"type": "string", "minLength": 1},
        "version": {"type": "string", "minLength": 1},
        "supportedInterfaces": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("url", "protocolBinding", "protocolVersion")},
                "required": ["url", "protocolBinding", "protocolVersion"],
                "additionalProperties": False,
            },
        },
        "capabilities": {
            "type": "object",
            "properties": {
                "streaming": {"type": "boolean"},
                "pushNotifications": {"type": "boolean"},
                "extensions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "uri": {"type": "string", "format": "uri"},
                            "description": {"type": "string"},
                            "required": {"type": "boolean"},
                            "params": {"type": "object"},
                        },
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties": False,
        },
        "defaultInputModes": {"type": "array", "items": {"type": "string"}},
        "defaultOutputModes": {"type": "array", "items": {"type": "string"}},
        "skills": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    **{name: {"type": "string", "minLength": 1} for name in ("id", "name", "description")},
                    **{name: {"type": "array", "items": {"type": "string"}} for name in ("tags", "examples")},
                },
                "required": ["id", "name", "description", "tags"],
                "additionalProperties": False,
            },
        },
    },
    "required": [
        "name", "description", "version", "supportedInterfaces", "capabilities", "defaultInputModes",
        "defaultOutputModes", "skills",
    ],
    "additionalProperties": False,
}  # fmt: skip
"""What a card of A2A 1.0 must have, and of what it may have that which ours use."""


@pytest.mark.parametrize("name", services)
@pytest.mark.parametrize("url", [None, "https://example.com/a2a"])
def test_a_card_has_what_the_protocol_asks_for(name: str, url: str | None) -> None:
    card = agent_card(describe(services[name]), url=url)

    assert [error.message for error in validator(CARD).iter_errors(card)] == []


def test_a_skill_is_an_operation_that_a_model_may_call() -> None:
    described = describe(services["support.v1"])
    closed = described.operations[0].model_copy(
        update={"promise": described.operations[0].promise.model_copy(update={"model_callable": False})}
    )
    card: Any = agent_card(described.model_copy(update={"operations": (closed, *described.operations[1:])}))

    callable_by_models = [each.name for each in described.operations[1:] if each.promise.model_callable]
    assert [skill["id"] for skill in card["skills"]] == callable_by_models
    assert card["skills"][0]["name"] == "Transfer to human agents"
    assert card["skills"][0]["tags"] == ["support", "task", "write"]
    assert closed.name in card["capabilities"]["extensions"][0]["params"]["operations"]


def test_the_extension_holds_the_contract() -> None:
    described = describe(services["orders.v1"])
    card: Any = agent_card(described)

    [extension] = card["capabilities"]["extensions"]

    assert (extension["uri"], extension["required"]) == (EXTENSION, False)
    assert extension["params"]["digest"] == described.digest
    assert (
        extension["params"]["operations"]["cancel_pending_order"]["input"]
        == described.operation("cancel_pending_order").input
    )


def test_a_card_says_where_the_service_answers() -> None:
    described = describe(services["orders.v1"])

    cards: list[Any] = [agent_card(described), agent_card(described, url="https://example.com/a2a")]

    assert [card["supportedInterfaces"][0]["url"] for card in cards] == [
        "nexus://orders/orders.v1",
        "https://example.com/a2a",
    ]
    assert [card["supportedInterfaces"][0]["protocolBinding"] for card in cards] == ["urn:nexus-rpc:1", "JSONRPC"]
