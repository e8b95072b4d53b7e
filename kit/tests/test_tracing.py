"""One trace leads from a request through Nexus into another team's workflow, its activity and its model call."""

import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextvars import copy_context
from typing import Any

import httpx2
import opentelemetry.trace
import pytest
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from parts import Gift, Wish
from sage_flows import Consult, Sage, SageService, Think
from temporalio.client import Client, WorkflowFailureError
from temporalio.contrib.opentelemetry import create_tracer_provider

from callboard_contracts import RefusedError
from callboard_kit import Policy, Rule
from callboard_kit.agent import ModelEndpoint, ModelSettings, tracing
from callboard_kit.ports import free_ports
from callboard_kit.standing import Standing
from callboard_kit.telemetry import tracing_plugins
from callboard_kit.testing import LocalMesh
from callboard_kit.tokens import TOKEN_HEADER

MODEL_KEY = "key-of-the-tests"


@pytest.fixture(scope="module")
async def model() -> AsyncGenerator[ModelSettings]:
    """The offline model, which says `Forty-two.` whatever it is asked."""
    [port] = free_ports(1)
    command = (sys.executable, "-m", "callboard.offline_model", "--port", str(port), "--api-key", MODEL_KEY)
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            for _ in range(300):
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get("/offline/health")).is_success:
                        break
                await asyncio.sleep(0.05)
            script = {"id": "s", "match": "question", "equals": False, "steps": [{"content": "Forty-two."}]}
            (await http.post("/offline/scripts", json=script)).raise_for_status()
        yield ModelSettings(model="offline-script-player", base_url=f"http://127.0.0.1:{port}/v1", api_key=MODEL_KEY)
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Collect the spans of this process, for as long as one test runs."""
    exporter = InMemorySpanExporter()
    provider = create_tracer_provider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # OpenTelemetry lets a process set its provider once only, and has no way to take it back.
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER", provider)
    return exporter


@pytest.fixture
async def asker(local_mesh: LocalMesh, model: ModelSettings, spans: InMemorySpanExporter) -> AsyncGenerator[Client]:
    """Both teams with the plugins that `connect` gives them; yields the client of the one that asks."""
    await local_mesh.provision(["sage", "asker"])
    endpoint = ModelEndpoint(model)
    policy = Policy(rules=(Rule(name="askers", callers=("asker",), services=("sage.v1",)),))
    parts: dict[str, Any] = {"contracts": [Sage], "plugins": tracing_plugins()}
    async with (
        local_mesh.member(
            "sage",
            services=[SageService()],
            workflows=[Think],
            activities=[endpoint.call_model],
            policy=policy,
            **parts,
        ),
        local_mesh.member("asker", workflows=[Consult], **parts) as client,
    ):
        yield client
    await endpoint.close()


async def consult(asker: Client, text: str) -> Gift:
    return await asker.execute_workflow(Consult.run, text, id=f"consult-{uuid.uuid4().hex[:8]}", task_queue="asker")


def ancestors(span: ReadableSpan, by_id: dict[int, ReadableSpan]) -> list[str]:
    names: list[str] = []
    while span.parent is not None:
        span = by_id[span.parent.span_id]
        names.append(span.name)
    return names


async def test_one_trace_leads_from_the_request_to_the_model_call(asker: Client, spans: InMemorySpanExporter) -> None:
    with opentelemetry.trace.get_tracer("test").start_as_current_span("the request"):
        gift = await consult(asker, "a question with a S3CRET in it")

    assert gift.text == "Forty-two."
    by_id = {span.context.span_id: span for span in spans.get_finished_spans()}
    assert len({span.context.trace_id for span in by_id.values()}) == 1
    [chat] = [span for span in by_id.values() if span.name.startswith("chat ")]
    assert ancestors(chat, by_id) == [
        "RunActivity:callboard.call_model",
        "StartActivity:callboard.call_model",
        "invoke_agent sage",
        "RunWorkflow:Think",
        "StartWorkflow:Think",
        "RunStartNexusOperationHandler:sage.v1/think",
        "StartNexusOperation:sage.v1/think",
        "RunWorkflow:Consult",
        "StartWorkflow:Consult",
        "the request",
    ]
    attributes = dict(chat.attributes or {})
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.request.model"] == "offline-script-player"
    assert attributes["gen_ai.usage.output_tokens"]
    assert "S3CRET" not in "".join(span.to_json() for span in by_id.values())


async def test_a_standalone_call_is_part_of_its_trace_as_well(asker: Client, spans: InMemorySpanExporter) -> None:
    sage = asker.create_nexus_client(service=Sage, endpoint="sage")
    with opentelemetry.trace.get_tracer("test").start_as_current_span("the request"):
        await sage.execute_operation(Sage.think, Wish(text="a question"), id=uuid.uuid4().hex)

    by_id = {span.context.span_id: span for span in spans.get_finished_spans()}
    [chat] = [span for span in by_id.values() if span.name.startswith("chat ")]
    assert ancestors(chat, by_id)[-1] == "the request"


async def test_trace_context_and_token_leave_together(asker: Client) -> None:
    handle = await asker.start_workflow(Consult.run, "a question", id="traced", task_queue="asker")
    await handle.result()

    [scheduled] = [
        event.nexus_operation_scheduled_event_attributes.nexus_header
        for event in (await handle.fetch_history()).events
        if event.HasField("nexus_operation_scheduled_event_attributes")
    ]
    assert {"traceparent", TOKEN_HEADER} <= set(scheduled)


@pytest.mark.parametrize("standalone", [False, True])
async def test_both_sides_of_a_call_to_what_is_deprecated_say_so_in_their_spans(
    asker: Client, local_mesh: LocalMesh, spans: InMemorySpanExporter, standalone: bool
) -> None:
    local_mesh.tell_standing("sage.v1", Standing("deprecated", successor="sage.v2"))

    with opentelemetry.trace.get_tracer("test").start_as_current_span("the request"):
        if standalone:
            sage = asker.create_nexus_client(service=Sage, endpoint="sage")
            await sage.execute_operation(Sage.think, Wish(text="a question"), id=uuid.uuid4().hex)
        else:
            await consult(asker, "a question")

    marked = {
        span.name: [dict(event.attributes or {}) for event in span.events]
        for span in spans.get_finished_spans()
        if (span.attributes or {}).get("callboard.deprecated") and (span.attributes or {})["callboard.successor"]
    }
    told = {"callboard.service": "sage.v1", "message": "sage.v1 is deprecated; call sage.v2 instead"}
    caller = "the request" if standalone else "RunWorkflow:Consult"
    assert marked == {caller: [told], "RunStartNexusOperationHandler:sage.v1/think": [told]}


async def test_a_trace_with_too_much_baggage_is_an_error_that_can_be_caught(asker: Client) -> None:
    reset = context.attach(baggage.set_baggage("one", "x" * 4000, baggage.set_baggage("two", "x" * 4000)))
    try:
        sage = asker.create_nexus_client(service=Sage, endpoint="sage")
        with pytest.raises(RefusedError, match="is the limit"):
            await sage.execute_operation(Sage.think, Wish(text="a question"), id=uuid.uuid4().hex)
        with pytest.raises(WorkflowFailureError) as failed:
            await consult(asker, "a question")
    finally:
        context.detach(reset)
    assert "is the limit" in str(failed.value.__cause__)


def test_a_run_that_its_worker_puts_away_has_not_failed(
    spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    class Pause:
        def __await__(self) -> Iterator[None]:
            yield

    async def run() -> None:
        with tracing.agent("sage"):
            await Pause()

    own = copy_context()
    put_away, ended = run(), run()
    copy_context().run(put_away.send, None)
    own.run(ended.send, None)
    with pytest.raises(StopIteration):
        own.run(ended.send, None)

    put_away.close()

    assert [span.status.is_ok for span in spans.get_finished_spans()] == [True]
    assert caplog.text == ""
