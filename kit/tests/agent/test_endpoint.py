"""Asking a model: what a provider's errors mean, what is traced, what it costs."""

import asyncio
import json
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import openai
import pytest
from opentelemetry.trace import SpanKind, StatusCode
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from callboard_contracts import Usage
from callboard_kit.agent import ChatMessage, ModelEndpoint, ModelRequest, ModelSettings
from callboard_kit.agent.outcome import total
from callboard_kit.agent.prices import cost_usd
from callboard_kit.agent.provider_errors import LONGEST_WAIT, translated
from callboard_kit.settings import SettingsError

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/chat/completions")
OPENAI = "https://api.openai.com/v1"


def status_error(status, words="no", **headers):
    response = httpx2.Response(
        status, request=REQUEST, headers={key.replace("_", "-"): one for key, one in headers.items()}
    )
    kind = {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        403: openai.PermissionDeniedError,
        404: openai.NotFoundError,
        429: openai.RateLimitError,
    }.get(status, openai.InternalServerError)
    return kind(words, response=response, body=None)


@pytest.mark.parametrize(
    ("error", "type_", "final", "words"),
    [
        (status_error(400, "too long"), "RefusedError", True, "too long"),
        (status_error(401), "UnavailableError", True, "OPENAI_API_KEY"),
        (status_error(403), "UnavailableError", True, "OPENAI_API_KEY"),
        (status_error(404), "UnavailableError", True, "CALLBOARD_MODEL and OPENAI_BASE_URL"),
        (status_error(429), "UnavailableError", False, "status 429"),
        (status_error(503), "UnavailableError", False, "status 503"),
        (openai.APITimeoutError(REQUEST), "UnavailableError", False, "in time"),
        (openai.APIConnectionError(request=REQUEST), "UnavailableError", False, "OPENAI_BASE_URL"),
        (openai.APIError("overloaded", REQUEST, body=None), "UnavailableError", False, "overloaded"),
    ],
    ids=["400", "401", "403", "404", "429", "503", "silence", "no connection", "an error in the stream"],
)
def test_an_error_of_the_provider_says_whether_to_try_again_and_what_to_look_at(error, type_, final, words):
    failure = translated(error, model="gpt-x")

    assert (failure.type, failure.non_retryable, words in failure.message) == (type_, final, True)


@pytest.mark.parametrize("status", [401, 403])
def test_what_a_provider_says_about_a_key_is_not_passed_on(status):
    assert "sk-abc" not in translated(status_error(status, "wrong key sk-abc"), model="m").message


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("0.5", timedelta(seconds=0.5)),
        ("-1", timedelta(0)),
        ("100000", LONGEST_WAIT),
        ("soon", None),
        ("nan", None),
        (format_datetime(datetime(2020, 1, 1, tzinfo=UTC)), timedelta(0)),
        (format_datetime(datetime(2999, 1, 1, tzinfo=UTC)), LONGEST_WAIT),
    ],
)
def test_retry_after_is_obeyed_within_reason(header, wait):
    assert translated(status_error(429, retry_after=header), model="m").next_retry_delay == wait


def test_without_retry_after_temporals_own_backoff_counts():
    assert translated(status_error(500), model="m").next_retry_delay is None


async def test_a_worker_without_a_model_says_what_to_set():
    endpoint = ModelEndpoint(ModelSettings.from_environment({}))

    with pytest.raises(ApplicationError, match="set CALLBOARD_MODEL, OPENAI_BASE_URL and OPENAI_API_KEY") as caught:
        await ActivityEnvironment().run(endpoint.call_model, ModelRequest(messages=()))

    assert caught.value.non_retryable


def test_how_long_a_model_may_be_silent_is_a_setting():
    assert ModelSettings.from_environment({}).silence == timedelta(seconds=90)
    assert ModelSettings.from_environment({"CALLBOARD_MODEL_SILENCE": "1.5"}).silence == timedelta(seconds=1.5)
    with pytest.raises(SettingsError, match="CALLBOARD_MODEL_SILENCE is 'long'; it must be a number of seconds"):
        ModelSettings.from_environment({"CALLBOARD_MODEL_SILENCE": "long"})


def test_settings_do_not_show_the_key():
    assert "sk-abc" not in repr(ModelSettings.from_environment({"OPENAI_API_KEY": "sk-abc"}))


@asynccontextmanager
async def provider(*pieces):
    """A provider that answers with these pieces, whatever it is asked."""

    async def provide(reader, writer):
        asked = await reader.readuntil(b"\r\n\r\n")
        # Unread, the body would have the connection reset instead of closed.
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", asked.lower())[1]))
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        writer.write(head + "".join(f"data: {piece}\n\n" for piece in (*pieces, "[DONE]")).encode())
        await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(provide, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        endpoint = ModelEndpoint(ModelSettings(model="m", base_url=f"http://127.0.0.1:{port}/v1"))
        yield endpoint
        await endpoint.close()


@pytest.mark.parametrize(
    "piece", ['{"choices": [{"delta": {"content": {"secret": 5}}}]}', '{"choices": "secret"}', '"secret"', '{"secret']
)
async def test_a_stream_that_cannot_be_read_is_asked_for_again_and_not_quoted(piece):
    async with provider('{"choices": [{"delta": {"content": "Well"}}]}', piece) as endpoint:
        with pytest.raises(ApplicationError, match="cannot be read") as caught:
            await ActivityEnvironment().run(endpoint.call_model, ModelRequest(messages=()))

    assert (caught.value.type, caught.value.non_retryable) == ("UnavailableError", False)
    assert "secret" not in str(caught.value)


async def test_pieces_that_say_nothing_are_passed_over():
    said = [
        '{"choices": []}',
        '{"choices": null}',
        '{"choices": [{"index": 0, "finish_reason": "stop"}], "usage": null}',
    ]
    async with provider(said[0], '{"choices": [{"delta": {"content": "Well"}}], "new": 1}', *said[1:]) as endpoint:
        reply = await ActivityEnvironment().run(endpoint.call_model, ModelRequest(messages=()))

    assert (reply.content, reply.finish_reason) == ("Well", "stop")


async def test_calls_that_the_provider_gave_no_id_are_given_one():
    delta = {"tool_calls": [{"index": number, "function": {"name": "see", "arguments": "{}"}} for number in (0, 1)]}
    chunk = {"id": "answer-7", "choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls"}]}

    async with provider(json.dumps(chunk)) as endpoint:
        reply = await ActivityEnvironment().run(endpoint.call_model, ModelRequest(messages=()))

    assert [call.id for call in reply.tool_calls] == ["call_answer-7_0", "call_answer-7_1"]


async def test_a_worker_says_that_it_lives_while_the_model_is_silent(offline):
    await offline.break_down("slow and steady", "slow", slow_seconds=0.2)
    endpoint, beats, environment = ModelEndpoint(offline.settings), [], ActivityEnvironment()
    environment.on_heartbeat = lambda *_details: beats.append("alive")
    environment.info = replace(environment.info, heartbeat_timeout=timedelta(seconds=0.15))

    request = ModelRequest(messages=(ChatMessage(role="user", content="slow and steady"),))
    await environment.run(endpoint.call_model, request)
    await endpoint.close()

    assert len(beats) >= 3


async def test_a_model_call_is_traced_by_the_conventions_without_a_word_of_what_was_said(offline, spans):
    endpoint = ModelEndpoint(offline.settings)
    request = ModelRequest(messages=(ChatMessage(role="user", content="Who are you? SECRET"),))

    reply = await ActivityEnvironment().run(endpoint.call_model, request)
    await endpoint.close()

    [span] = spans.get_finished_spans()
    port = int(offline.address.rpartition(":")[2])
    assert (span.name, span.kind, span.status.status_code) == (
        "chat offline-script-player",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "offline-script-player",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "offline-script-player",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": reply.usage.input_tokens,
        "gen_ai.usage.output_tokens": reply.usage.output_tokens,
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert "SECRET" not in span.to_json()


async def test_a_model_call_that_fails_is_traced_by_its_type_alone(offline, spans):
    endpoint = ModelEndpoint(
        ModelSettings(model="SECRET-model", base_url=offline.settings.base_url, api_key="sk-wrong")
    )

    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(endpoint.call_model, ModelRequest(messages=(ChatMessage(role="user"),)))
    await endpoint.close()

    [span] = spans.get_finished_spans()
    assert (span.status.status_code, span.attributes["error.type"], span.events) == (
        StatusCode.ERROR,
        "ApplicationError",
        (),
    )


@pytest.mark.parametrize(
    ("model", "base_url", "known"),
    [("gpt-4o", OPENAI, True), ("gpt-none", OPENAI, False), ("gpt-4o", "http://127.0.0.1:1/v1", False)],
)
def test_a_price_is_known_only_of_known_models_at_known_providers(model, base_url, known):
    cost = cost_usd(Usage(input_tokens=1_000_000, output_tokens=0), model=model, base_url=base_url)

    assert (cost is not None and cost > 0) is known


def test_a_total_has_a_cost_only_if_every_model_call_has_one():
    priced = Usage(model_calls=1, input_tokens=3, cost_usd=0.25)
    tool = Usage(tool_calls=2)

    assert total([priced, priced, tool]) == Usage(model_calls=2, input_tokens=6, tool_calls=2, cost_usd=0.5)
    assert total([priced, Usage(model_calls=1)]).cost_usd is None
    assert total([]) == Usage()
