"""An OpenAPI document says what the operations of a service take and answer."""

import json
from typing import Any

import pytest
from coming_back import validator

from callboard.interchange.openapi import openapi_document
from callboard.interchange.schemas import everywhere
from callboard_contracts import describe, services


@pytest.fixture(params=list(services))
def service(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def document(service: str) -> dict[str, Any]:
    return openapi_document(describe(services[service]))


def schema_of(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body with what it refers to."""
    inlined = json.loads(json.dumps(document["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/"))
    reference = content["application/json"]["schema"]["$ref"].replace("#/components/schemas/", "#/$defs/")
    return {"$ref": reference, "$defs": inlined}


def test_each_operation_has_a_path(service: str, document: dict[str, Any]) -> None:
    described = describe(services[service])

    assert list(document["paths"]) == [f"/{service}/{operation.name}" for operation in described.operations]
    assert len({path["post"]["operationId"] for path in document["paths"].values()}) == len(described.operations)


def test_bodies_mean_what_the_contract_means(service: str, document: dict[str, Any]) -> None:
    for operation in describe(services[service]).operations:
        post = document["paths"][f"/{service}/{operation.name}"]["post"]
        bodies = ((operation.input, post["requestBody"]), (operation.output, post["responses"]["200"]))
        for schema, body in bodies:
            theirs = validator(schema_of(document, body["content"]))
            for example in body["content"]["application/json"]["examples"].values():
                assert theirs.is_valid(example["value"])
            for wrong in ({}, None, [], {"user_id": 7}):
                assert theirs.is_valid(wrong) is validator(schema).is_valid(wrong)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    led = {
        reference
        for schema in document["components"]["schemas"].values()
        for _, found in everywhere(schema)
        for reference in [found.get("$ref"), *found.get("discriminator", {}).get("mapping", {}).values()]
        if reference is not None
    }

    assert led <= known
    assert "$defs" not in json.dumps(document)


def test_what_is_promised_stands_beside_the_operation() -> None:
    described = describe(services["orders.v1"])

    document: Any = openapi_document(described)

    promise = document["paths"]["/orders.v1/cancel_pending_order"]["post"]["x-callboard-promise"]
    assert promise["effect"] == described.operation("cancel_pending_order").promise.effect
    assert "examples" not in promise


def test_an_operation_that_takes_and_answers_nothing_has_no_bodies() -> None:
    void = {"type": "null"}
    described = describe(services["support.v1"])
    quiet = described.operations[0].model_copy(update={"input": void, "output": void})

    document: Any = openapi_document(described.model_copy(update={"operations": (quiet,)}))

    post = document["paths"]["/support.v1/calculate"]["post"]
    assert "requestBody" not in post
    assert "content" not in post["responses"]["200"]
