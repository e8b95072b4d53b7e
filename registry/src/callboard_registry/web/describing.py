"""The description of the HTTP API, OpenAPI 3.1, served at `/openapi.json`."""

from collections.abc import Mapping
from typing import Any, Final, cast  # Any: FastAPI's own type of a description

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from callboard_registry.web import shapes

_REFUSALS: Final[Mapping[int, str]] = {
    400: "Wrong as sent; `field` names the part at fault.",
    401: "Nobody proved to be asking: a token is missing, has ended, or was signed for something else.",
    403: "It is not theirs to do.",
    404: "What was asked for is not there.",
    405: "Not by this method.",
    409: "Not in the present state.",
    410: "Not kept any more: the cursor is too old.",
    412: "`If-Match` names another etag than it has now.",
    429: "Too much at once; `Retry-After` says in how many seconds to try again.",
    503: "The database does not answer; try again.",
}

REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": shapes.Refused, "description": description} for status, description in _REFUSALS.items()
}
"""How every request to the registry may end otherwise than well."""


def body_is(model: str) -> dict[str, Any]:
    """Return what says that a request's body, which the route reads by itself, is a `model`."""
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe_truly(app: FastAPI, *bodies: type) -> None:
    """Have the application describe itself as it is: with the `bodies` that routes read, and its own refusals only."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _true(generate(), bodies)
        return app.openapi_schema

    app.openapi = openapi


def _true(described: dict[str, Any], bodies: tuple[type, ...]) -> dict[str, Any]:
    components = cast("dict[str, Any]", described["components"]["schemas"])
    kinds = cast("Any", [(body, "validation") for body in bodies])
    _, schemas = models_json_schema(kinds, ref_template="#/components/schemas/{model}")
    for name, schema in cast("dict[str, Any]", schemas["$defs"]).items():
        assert components.setdefault(name, schema) == schema, f"{name} means two things"
    for path in cast("dict[str, dict[str, Any]]", described["paths"]).values():
        for operation in path.values():
            # FastAPI's own answer to what is malformed, which is answered with 400 here.
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    return described
