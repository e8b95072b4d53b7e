"""Spans of agents, model calls and tools, by OpenTelemetry's conventions for generative AI.

No span holds anything that was said: no goal, no arguments, no results, no
message of an error. The names below are those of the conventions' own
repository; the Python package still marks them as about to move.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from temporalio import workflow
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider

from callboard_kit.agent.messages import ModelReply, ToolCall

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
AGENT: Final = "gen_ai.agent.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
ERROR_TYPE: Final = "error.type"


class Traced:
    """A span under way, and the few things that may be said about its end."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def failed(self, error_type: str) -> None:
        """Mark the work as failed, by the type of the error alone."""
        self._span.set_attribute(ERROR_TYPE, error_type)
        self._span.set_status(Status(StatusCode.ERROR))

    def answered(self, reply: ModelReply) -> None:
        """Say what a model call took."""
        self._span.set_attribute(RESPONSE_MODEL, reply.model)
        self._span.set_attribute(FINISH_REASONS, [reply.finish_reason])
        self._span.set_attribute(INPUT_TOKENS, reply.usage.input_tokens)
        self._span.set_attribute(OUTPUT_TOKENS, reply.usage.output_tokens)


@contextmanager
def agent(name: str) -> Generator[Traced]:
    """Trace one run of an agent."""
    attributes = {OPERATION: "invoke_agent", AGENT: name}
    with _span(f"invoke_agent {name}", SpanKind.INTERNAL, attributes) as span:
        yield span


@contextmanager
def tool(call: ToolCall) -> Generator[Traced]:
    """Trace one tool call."""
    attributes = {OPERATION: "execute_tool", TOOL_NAME: call.name, TOOL_TYPE: "function", TOOL_CALL_ID: call.id}
    with _span(f"execute_tool {call.name}", SpanKind.INTERNAL, attributes) as span:
        yield span


@contextmanager
def model_call(model: str, base_url: str) -> Generator[Traced]:
    """Trace one attempt to reach a model."""
    server = urlsplit(base_url)
    attributes: dict[str, str | bool | int] = {
        OPERATION: "chat",
        PROVIDER: "openai",
        REQUEST_MODEL: model,
        REQUEST_STREAM: True,
        "server.address": server.hostname or "",
        "server.port": server.port or (443 if server.scheme == "https" else 80),
    }
    with _span(f"chat {model}", SpanKind.CLIENT, attributes) as span:
        yield span


@contextmanager
def _span(name: str, kind: SpanKind, attributes: dict[str, str | bool | int] | dict[str, str]) -> Generator[Traced]:
    span = _tracer().start_span(name, kind=kind, attributes=attributes)
    token = context.attach(trace.set_span_in_context(span))
    traced = Traced(span)
    try:
        yield traced
    except GeneratorExit:
        # A worker puts a run away, in another context than the run's: whoever takes it up again ends the span.
        raise
    except BaseException as error:
        traced.failed(type(error).__name__)
        context.detach(token)
        span.end()
        raise
    else:
        context.detach(token)
        span.end()


def _tracer() -> Tracer:
    """Return the process's tracer; in a workflow only if it knows how to keep quiet during replay."""
    if workflow.in_workflow() and not isinstance(trace.get_tracer_provider(), ReplaySafeTracerProvider):
        return trace.NoOpTracer()
    return trace.get_tracer("callboard_kit.agent")
