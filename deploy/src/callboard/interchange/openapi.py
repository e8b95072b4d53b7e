"""Writes a service as an OpenAPI 3.1 document, for what reads OpenAPI: viewers, generators, gateways, models.

It describes the operations as Nexus carries them over HTTP: one path for each, POST, JSON. A result comes at once with
status 200, or later, and then 201 says under which token. Callboard's workers take part in the mesh through Temporal;
what calls them by this document needs a gateway that signs as a team, or a key and the token that is made with it.
"""

from collections.abc import Mapping
from typing import Final, cast

from callboard.interchange.naming import operation_key, type_name
from callboard.interchange.pooling import Pool
from callboard.interchange.schemas import DIALECT, Schema
from callboard_contracts import OperationDescription, Promise, ServiceDescription

VERSION: Final = "3.1.0"

_FAILURES: Final[Mapping[str, str]] = {
    "400": "Wrong as sent: it does not fit the schema.",
    "401": "There is no token of a known team, or it has expired.",
    "403": "The provider's policy does not let this caller do it; the message names the rule.",
    "404": "There is no such service or operation here.",
    "424": "The operation was refused, failed, or was cancelled; the message says why.",
    "503": "Right as sent; sending it again may help.",
}


def openapi_document(description: ServiceDescription) -> dict[str, object]:
    """Say what a service promises as an OpenAPI document, complete in itself."""
    pool = Pool("#/components/schemas/", taken=frozenset({"Failure", "OperationInfo"}))
    paths = {
        f"/{description.service}/{operation.name}": {"post": _operation(operation, description, pool)}
        for operation in description.operations
    }
    version = description.service.rpartition(".v")[2]
    return {
        "openapi": VERSION,
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": description.service,
            "version": version if version.isdecimal() else "1",
            "summary": description.summary or description.service,
            **({"description": description.description} if description.description else {}),
            "x-callboard-digest": description.digest,
        },
        "servers": [
            {
                "url": f"/nexus/endpoints/{description.endpoint}/services",
                "description": "Below the address of a Temporal frontend, or of a gateway to it.",
            }
        ],
        "tags": [{"name": description.team, "description": f"Answered by the team {description.team}."}],
        "security": [{"team": []}],
        "paths": paths,
        "components": {
            "schemas": {**{name: pool.definitions[name] for name in sorted(pool.definitions)}, **_PROTOCOL},
            "securitySchemes": {
                "team": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "callboard-token",
                    "description": "A token for this one call, signed with the key of the calling team.",
                }
            },
        },
    }


def _operation(operation: OperationDescription, service: ServiceDescription, pool: Pool) -> dict[str, object]:
    name = type_name(operation.name) or operation.name
    sends, answers = (schema.get("type") != "null" for schema in (operation.input, operation.output))
    said: dict[str, object] = {
        "operationId": operation_key(operation.name),
        "summary": operation.summary,
        **({"description": operation.description} if operation.description else {}),
        "tags": [service.team],
        "parameters": [
            {
                "name": "Operation-Timeout",
                "in": "header",
                "description": f"How long to wait, as in 30s. Never longer than {_seconds(operation.promise)} s.",
                "schema": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m)$"},
            }
        ],
    }
    if sends:
        content = _content(pool.add(operation.input, name=f"{name}Input"), operation, "input")
        said["requestBody"] = {"required": True, "content": content}
    result: dict[str, object] = {"description": "The result."}
    if answers:
        result["content"] = _content(pool.add(operation.output, name=f"{name}Output"), operation, "output")
    failure = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    said["responses"] = {
        "200": result,
        "201": {
            "description": "It has begun; the result comes to the callback.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OperationInfo"}}},
        },
        **{status: {"description": words, "content": failure} for status, words in _FAILURES.items()},
    }
    said["x-callboard-promise"] = promise_document(operation.promise)
    return said


def promise_document(promise: Promise) -> dict[str, object]:
    """Return a promise as JSON, without its examples."""
    return cast(dict[str, object], promise.model_dump(mode="json", exclude={"examples"}, exclude_none=True))


def _content(schema: Schema, operation: OperationDescription, side: str) -> dict[str, object]:
    examples = {
        f"example{number}": {"value": dict(example.input if side == "input" else example.output)}
        for number, example in enumerate(operation.promise.examples, start=1)
    }
    return {"application/json": {"schema": schema, **({"examples": examples} if examples else {})}}


def _seconds(promise: Promise) -> str:
    return f"{promise.longest.total_seconds():g}"


_PROTOCOL: Final[Mapping[str, Schema]] = {
    "Failure": {
        "description": "Why there is no result.",
        "type": "object",
        "properties": {
            "message": {"description": "The reason, for people.", "type": "string"},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            "details": {"description": "What the protocol says about it, its type among it."},
        },
    },
    "OperationInfo": {
        "description": "An operation that has begun.",
        "type": "object",
        "properties": {
            "token": {"description": "What cancels it.", "type": "string"},
            "state": {"type": "string", "enum": ["running", "succeeded", "failed", "canceled"]},
        },
        "required": ["token", "state"],
    },
}
