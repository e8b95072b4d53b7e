"""Writes a service as an agent card of A2A 1.0: a skill for every operation that a model may call.

A card knows no schemas and no promises; they stand in an extension, which readers that do not know it pass over. Where
nothing speaks A2A for the service, its interface says that it is reached over Nexus.
"""

import json
from typing import Final

from callboard.interchange.naming import in_words
from callboard.interchange.openapi import promise_document
from callboard_contracts import OperationDescription, ServiceDescription

PROTOCOL: Final = "1.0"
"""The version of A2A."""

EXTENSION: Final = "urn:callboard:contract:1"
"""Names the extension: its parameters are the service, its digest and, by name, what operations take and answer."""

_JSON: Final = "application/json"
_MOST_EXAMPLES: Final = 3


def agent_card(description: ServiceDescription, *, url: str | None = None) -> dict[str, object]:
    """Say what a service promises as an agent card.

    Args:
        description: The service.
        url: Where something speaks A2A for it (JSON-RPC).
    """
    version = description.service.rpartition(".v")[2]
    interface = (
        {"url": f"nexus://{description.endpoint}/{description.service}", "protocolBinding": "urn:nexus-rpc:1"}
        if url is None
        else {"url": url, "protocolBinding": "JSONRPC"}
    )
    words = "\n\n".join(part for part in (description.summary, description.description) if part)
    return {
        "name": description.service,
        "description": words or f"A service of the team {description.team}.",
        "version": f"{version}.0.0" if version.isdecimal() else "1.0.0",
        "supportedInterfaces": [{**interface, "protocolVersion": PROTOCOL}],
        "capabilities": {
            "streaming": False,
            "pushNotifications": False,
            "extensions": [_contract(description)],
        },
        "defaultInputModes": [_JSON],
        "defaultOutputModes": [_JSON],
        "skills": [_skill(operation, description) for operation in description.operations if _offered(operation)],
    }


def _offered(operation: OperationDescription) -> bool:
    return operation.promise.model_callable


def _skill(operation: OperationDescription, service: ServiceDescription) -> dict[str, object]:
    promise = operation.promise
    examples = [json.dumps(dict(example.input), ensure_ascii=False) for example in promise.examples[:_MOST_EXAMPLES]]
    return {
        "id": operation.name,
        "name": in_words(operation.name),
        "description": "\n\n".join(part for part in (operation.summary, operation.description) if part)
        or in_words(operation.name),
        "tags": [service.team, promise.kind, promise.effect],
        **({"examples": examples} if examples else {}),
    }


def _contract(description: ServiceDescription) -> dict[str, object]:
    return {
        "uri": EXTENSION,
        "description": "What each operation takes and answers, as JSON Schema 2020-12, and what it promises.",
        "required": False,
        "params": {
            "service": description.service,
            "endpoint": description.endpoint,
            "team": description.team,
            "digest": description.digest,
            "operations": {
                operation.name: {
                    "input": operation.input,
                    "output": operation.output,
                    "promise": promise_document(operation.promise),
                }
                for operation in description.operations
            },
        },
    }
