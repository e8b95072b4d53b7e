"""Any client of OpenAI's API can talk to the mesh: the official one does, here."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import openai
import pytest
from openai import AsyncOpenAI

from callboard_contracts import Usage
from callboard_kit.events import Event, RunEnded, StepEnded, StepRetracted, TextDelta, kind_of
from callboard_kit.events.following import Told
from callboard_kit.events.model import Detail
from callboard_orchestrator.gateway.chat import BEGINS_AGAIN, Writing
from callboard_orchestrator.messages import Settled

from .conftest import Theatre

ANSWER = "Your address is 1 Old Road, Denver. " * 8
LOOK_UP = {"tool_calls": [{"name": "customers_v1__get_user_details", "arguments": {"user_id": "ada_smith_1234"}}]}


@pytest.fixture
async def chat(theatre: Theatre) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{theatre.address}/v1", api_key=theatre.token(), max_retries=0) as client:
        yield client


async def test_an_answer_comes_whole(theatre: Theatre, chat: AsyncOpenAI) -> None:
    words = await theatre.play(LOOK_UP, {"content": ANSWER})

    completion = await chat.chat.completions.create(model="orchestrate", messages=[{"role": "user", "content": words}])

    assert completion.choices[0].message.content == ANSWER
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0
    assert completion.id.startswith("chatcmpl-")


async def test_an_answer_comes_piece_by_piece(theatre: Theatre, chat: AsyncOpenAI) -> None:
    words = await theatre.play(LOOK_UP, {"content": ANSWER})

    stream = await chat.chat.completions.create(
        model="orchestrate",
        messages=[{"role": "user", "content": words}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert "".join(pieces) == ANSWER
    assert len(pieces) > 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert len({chunk.id for chunk in chunks}) == 1


async def test_what_was_said_before_comes_along(theatre: Theatre, chat: AsyncOpenAI) -> None:
    words = await theatre.play({"content": "No."})
    expected = f"{words}\n\nWhat was said before, oldest first:\nsystem: Be short.\nuser: Hello\nassistant: Hello!"
    await theatre.play({"content": "I remember."}, words=expected)

    completion = await chat.chat.completions.create(
        model="orchestrate",
        messages=[
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": words},
        ],
    )

    assert completion.choices[0].message.content == "I remember."


async def test_the_models_are_listed(chat: AsyncOpenAI) -> None:
    assert [model.id async for model in chat.models.list()] == ["orchestrate"]


HELLO = [{"role": "user", "content": "hello"}]
BAD = {
    "a model that is none": ({"model": "gpt-x", "messages": HELLO}, openai.NotFoundError, "model_not_found"),
    "no messages": ({"model": "orchestrate", "messages": []}, openai.BadRequestError, "invalid_request"),
    "nothing said": (
        {"model": "orchestrate", "messages": [{"role": "user", "content": " "}]},
        openai.BadRequestError,
        "invalid_request",
    ),
    "the last word is not the user's": (
        {"model": "orchestrate", "messages": [*HELLO, {"role": "assistant", "content": "hi"}]},
        openai.BadRequestError,
        "invalid_request",
    ),
    "a picture": (
        {
            "model": "orchestrate",
            "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
        },
        openai.BadRequestError,
        "unsupported_content",
    ),
    "tools": (
        {"model": "orchestrate", "messages": HELLO, "tools": [{"type": "function", "function": {"name": "x"}}]},
        openai.BadRequestError,
        "unsupported_parameter",
    ),
    "several answers": (
        {"model": "orchestrate", "messages": HELLO, "n": 2},
        openai.BadRequestError,
        "unsupported_parameter",
    ),
    "too long": (
        {"model": "orchestrate", "messages": [{"role": "user", "content": "x" * 20_001}]},
        openai.BadRequestError,
        "context_length_exceeded",
    ),
}


@pytest.mark.parametrize(("request_", "error", "code"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_wrong_is_an_error_that_the_client_knows(
    chat: AsyncOpenAI, request_: dict[str, object], error: type[openai.APIStatusError], code: str, stream: bool
) -> None:
    with pytest.raises(error) as raised:
        await chat.chat.completions.create(**request_, stream=stream)  # type: ignore[call-overload] - wrong on purpose

    assert raised.value.code == code


async def test_a_foreign_token_is_an_error_that_the_client_knows(chat: AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        await chat.with_options(api_key="foreign").chat.completions.create(model="orchestrate", messages=HELLO)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_run_that_fails_is_an_error_that_the_client_knows(
    theatre: Theatre, chat: AsyncOpenAI, stream: bool
) -> None:
    # The model's provider takes no conversation of that kind.
    broken = {"tool_calls": [{"name": "customers_v1__get_user_details", "arguments": {}}]}
    words = await theatre.play(*[broken] * 10)

    with pytest.raises(openai.APIError) as raised:
        answer = await chat.chat.completions.create(
            model="orchestrate", messages=[{"role": "user", "content": words}], stream=stream
        )
        [_ async for _ in answer]

    assert "malformed tool calls" in raised.value.message


class Scripted:
    """A run whose events are written down beforehand."""

    id = "r"

    def __init__(self, answer: str, *details: Detail) -> None:
        self._answer = answer
        self._details = details

    async def watch(self) -> AsyncIterator[Told]:
        for number, detail in enumerate((*self._details, RunEnded(outcome="ok"))):
            yield Told(
                Event(
                    id=str(number),
                    at=datetime.now(UTC),
                    team="orchestrator",
                    operation="Orchestrate",
                    kind=kind_of(detail),
                    data=detail.model_dump(mode="json"),
                ),
                f"{number}-1",
            )

    async def result(self) -> Settled:
        return Settled(answer=self._answer, usage=Usage())


def said(text: str, *, step: str = "1", attempt: int = 1) -> TextDelta:
    return TextDelta(step=step, attempt=attempt, text=text)


BACK = StepRetracted(step="1", attempt=1, reason="it broke off")
STREAMS = {
    "as it comes": ("Hello", [said("Hel"), said("lo"), StepEnded(step="1", text="Hello")], "Hello"),
    "nothing of it was heard": ("Hello", [], "Hello"),
    "a piece was missed": ("Hello you", [said("Hello"), StepEnded(step="1", text="Hello you")], "Hello you"),
    "taken back and said again": (
        "Hello",
        [said("Hel"), BACK, said("H", attempt=2), said("ello", attempt=2), StepEnded(step="1", text="Hello")],
        "Hello",
    ),
    "taken back and said otherwise": (
        "Goodbye",
        [said("Hel"), BACK, said("Good", attempt=2), said("bye", attempt=2), StepEnded(step="1", text="Goodbye")],
        f"Hel{BEGINS_AGAIN}Goodbye",
    ),
    "said again, but less of it": (
        "He",
        [said("Hel"), BACK, said("He", attempt=2), StepEnded(step="1", text="He")],
        f"Hel{BEGINS_AGAIN}He",
    ),
    "late words of the attempt that was taken back": (
        "Goodbye",
        [said("Hel"), BACK, said("Goodbye", attempt=2), said("lo"), StepEnded(step="1", text="Goodbye")],
        f"Hel{BEGINS_AGAIN}Goodbye",
    ),
    "two steps": ("Done.", [said("Let me look."), said("Done.", step="2")], "Let me look.\n\nDone."),
    "stopped at a limit": ("Stopped. Half", [said("Half")], "Half\n\nStopped. Half"),
}


@pytest.mark.parametrize(("answer", "details", "text"), STREAMS.values(), ids=STREAMS)
async def test_what_is_streamed_ends_with_the_answer(answer: str, details: list[Detail], text: str) -> None:
    writing = Writing(Scripted(answer, *details), usage=False)

    frames = [frame async for frame in writing.chunks()]

    assert frames[-1] == "data: [DONE]\n\n"
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-1]]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == text
