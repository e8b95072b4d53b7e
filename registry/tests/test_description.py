"""The HTTP API is what its description says: in what it answers, and in what it answers to what nobody would ask."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from callboard_registry_api.health import Heartbeat, ServedRevision
from callboard_registry_api.model import CallRecord

EXAMPLES = 12
"""For each operation."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = "/v1/changes/stream"
ADMINISTRATOR = {"authorization": "Bearer administrator-for-tests"}


@dataclass
class Filled:
    """A registry with something of everything in it, by what it says of itself."""

    schema: OpenApiSchema
    address: str
    digest: str


@pytest.fixture(scope="module")
async def filled(serve_with, document) -> AsyncIterator[Filled]:
    async with serve_with() as running:
        shop, bank = await running.enrol("shop"), await running.enrol("bank")
        now = datetime.now(UTC)
        async with running.client(shop) as client, running.client(bank) as other:
            listing = await client.publish_listing(document())
            await client.set_state("shop.v1", listing.digest, "approved", reason="reviewed")
            await client.publish_listing(document(longest=90))
            await client.publish_policy("shop", policy("bank"))
            await client.report_calls([called(now, outcome="ok", duration=timedelta(seconds=1))])
            await other.audit.declare("bank", ["shop.v1"])
            await client.health.beat(
                Heartbeat(
                    worker="w1",
                    namespace="shop",
                    task_queue="shop",
                    identity="1@here",
                    build="b1",
                    kit_version="0.1.0",
                    sdk_version="1.35.0",
                    serves=(ServedRevision("shop.v1", listing.digest),),
                    started=now,
                    sent=now,
                    every=timedelta(seconds=10),
                    owner="Shop",
                )
            )
        address = f"http://{running.http}"
        schema = await asyncio.to_thread(schemathesis.openapi.from_url, f"{address}/openapi.json")
        yield Filled(schema=schema, address=address, digest=listing.digest)


def policy(*callers: str) -> bytes:
    rule = {"name": "some-may", "callers": list(callers), "services": ["shop.v1"], "operations": ["*"]}
    return json.dumps({"rules": [rule]}).encode()


def called(now: datetime, **ended: object) -> CallRecord:
    return CallRecord(
        root="r1",
        token_id="t1",
        caller="bank",
        endpoint="shop",
        service="shop.v1",
        operation="sell",
        start=now,
        **ended,
    )


ASKED = [
    ("GET", "/v1/listings", {}, {"documents": "true", "all_revisions": "true"}),
    ("GET", "/v1/listings/{service}", {"service": "shop.v1"}, {}),
    ("GET", "/v1/search", {}, {"words": "sell"}),
    ("GET", "/v1/operations", {}, {"caller": "bank"}),
    ("GET", "/v1/operations/{service}/{operation}", {"service": "shop.v1", "operation": "sell"}, {}),
    ("GET", "/v1/policies", {}, {}),
    ("GET", "/v1/policies/{team}", {"team": "shop"}, {}),
    ("GET", "/v1/keys", {}, {}),
    ("GET", "/v1/calls", {}, {}),
    ("GET", "/v1/totals", {}, {"by": ["day", "service"]}),
    ("GET", "/v1/budgets", {}, {}),
    ("GET", "/v1/spend", {}, {"by": ["team", "operation", "day"]}),
    ("GET", "/v1/services/{service}/consumers", {"service": "shop.v1"}, {}),
    ("GET", "/v1/audit", {}, {}),
    ("GET", "/v1/health", {}, {}),
    ("GET", "/v1/health/{service}", {"service": "shop.v1"}, {}),
    ("GET", "/v1/workers", {}, {"past": "true"}),
    ("GET", "/v1/teams", {}, {}),
    ("GET", "/v1/endpoints", {}, {}),
    ("GET", "/v1/queues", {}, {}),
    ("GET", "/v1/observer", {}, {}),
    ("GET", "/v1/changes", {}, {}),
    ("GET", "/", {}, {}),
    ("GET", "/healthz", {}, {}),
]
EMPTY = {"/v1/budgets", "/v1/audit", "/v1/endpoints", "/v1/queues", "/v1/observer"}
"""Nothing here fills them."""


@pytest.mark.parametrize(("method", "path", "places", "query"), ASKED, ids=[each[1] for each in ASKED])
async def test_what_there_is_is_answered_as_described(filled, method, path, places, query):
    case = filled.schema[path][method].Case(path_parameters=places, query=query)

    answer = await asyncio.to_thread(case.call)

    case.validate_response(answer, checks=CHECKS)
    assert answer.status_code == 200
    shown = answer.json()
    lists = [each for each in shown.values() if isinstance(each, list)]
    assert path in EMPTY or "{" in path or not lists or any(lists), shown


async def test_every_operation_that_reads_is_asked(filled):
    reads = {(each.ok().method.upper(), each.ok().path) for each in filled.schema.get_all_operations()}

    assert {each for each in reads if each[0] == "GET"} - {("GET", ENDLESS)} == {each[:2] for each in ASKED}


async def test_what_is_published_and_compared_is_answered_as_described(filled, document):
    case = filled.schema["/v1/compatibility"]["POST"].Case(
        body={"service": "shop.v1", "document": json.loads(document(longest=5))}, media_type="application/json"
    )
    answer = await asyncio.to_thread(case.call)
    case.validate_response(answer, checks=CHECKS)
    assert answer.status_code == 200 and answer.json()["findings"]

    body = {"digest": filled.digest, "state": "deprecated", "sunset": "2030-01-01T00:00:00Z"}
    case = filled.schema["/v1/listings/{service}/state"]["POST"].Case(
        path_parameters={"service": "shop.v1"}, body=body, media_type="application/json"
    )
    answer = await asyncio.to_thread(case.call, headers=ADMINISTRATOR)
    case.validate_response(answer, checks=CHECKS)
    assert answer.status_code == 200 and answer.json()["sunset"] == "2030-01-01T00:00:00Z"
    stale = await asyncio.to_thread(case.call, headers={**ADMINISTRATOR, "if-match": '"e1"'})
    case.validate_response(stale, checks=CHECKS)
    assert stale.status_code == 412


OPERATIONS = [(method, path) for method, path, *_ in ASKED] + [
    ("POST", "/v1/listings"),
    ("POST", "/v1/listings/{service}/state"),
    ("POST", "/v1/compatibility"),
    ("POST", "/v1/policies/{team}"),
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(each) for each in OPERATIONS])
async def test_whatever_is_asked_is_answered_as_described_and_is_no_error_of_the_server(filled, method, path):
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    @hypothesis.given(case=filled.schema[path][method].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        case.validate_response(case.call(headers=ADMINISTRATOR), checks=CHECKS)

    await asyncio.to_thread(ask)
