"""The server as an agent sees it, through the real `openai` client."""

import openai
import pytest

from callboard.offline_model import MODEL

TWO_CALLS = {"tool_calls": [{"name": "see", "arguments": {"what": "sea"}}, {"name": "hear", "arguments": {}}]}
BYE = {"content": "That was all there is to see and hear, and then some more words to fill a second piece."}


async def put(server, script_id, match, *steps, **more):
    answer = await server.http.post("/offline/scripts", json={"id": script_id, "match": match, "steps": steps, **more})
    assert answer.status_code == 201, answer.text


def asked(words):
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": words}]


def continued(messages, reply):
    """Go on with a conversation as an agent does: every call gets a result."""
    message = reply.choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "{}"} for call in message.tool_calls or []]
    return [*messages, message.model_dump(exclude_none=True), *results]


async def test_a_script_is_played_step_by_step_and_says_when_it_is_over(server):
    await put(server, "walk", "go for a walk", TWO_CALLS, BYE)
    messages = asked("Please go for a walk.")

    first = await server.model.chat.completions.create(model=MODEL, messages=messages)
    messages = continued(messages, first)
    second = await server.model.chat.completions.create(model=MODEL, messages=messages)
    messages = continued(messages, second)
    third = await server.model.chat.completions.create(model=MODEL, messages=[*messages, *asked("More?")])

    calls = [(call.function.name, call.function.arguments) for call in first.choices[0].message.tool_calls]
    assert calls == [("see", '{"what": "sea"}'), ("hear", "{}")]
    assert (first.choices[0].finish_reason, second.choices[0].finish_reason) == ("tool_calls", "stop")
    assert second.choices[0].message.content == BYE["content"]
    assert third.choices[0].message.content == "The script 'walk' is over: it has 2 steps."


async def test_the_same_request_is_answered_alike_however_often_it_is_made(server):
    await put(server, "walk", "go for a walk", TWO_CALLS, BYE)

    answers = [
        (await server.model.chat.completions.create(model=MODEL, messages=asked("go for a walk"))).choices
        for _ in range(3)
    ]

    assert answers[0] == answers[1] == answers[2]


async def test_a_stream_says_the_same_as_a_plain_answer_and_counts_the_same(server):
    await put(server, "walk", "go for a walk", {**TWO_CALLS, **BYE})
    plain = await server.model.chat.completions.create(model=MODEL, messages=asked("go for a walk"))

    stream = await server.model.chat.completions.create(
        model=MODEL, messages=asked("go for a walk"), stream=True, stream_options={"include_usage": True}
    )
    text, arguments, names, usage = "", {}, [], None
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for part in choice.delta.tool_calls or []:
                names.extend([part.function.name] if part.function.name else [])
                arguments[part.index] = arguments.get(part.index, "") + part.function.arguments

    message = plain.choices[0].message
    assert text == message.content
    assert list(zip(names, arguments.values(), strict=True)) == [
        (call.function.name, call.function.arguments) for call in message.tool_calls
    ]
    assert usage == plain.usage


async def test_an_exact_script_goes_before_a_longer_and_a_longer_before_a_shorter_one(server):
    await put(server, "short", "walk", {"content": "short"})
    await put(server, "long", "walk the dog", {"content": "long"})
    await put(server, "exact", "walk the dog", {"content": "exact"}, equals=True)
    await put(server, "tooled", "walk the dog now", {"content": "tooled"}, tools=["leash"])

    said = [
        (await server.model.chat.completions.create(model=MODEL, messages=asked(words))).choices[0].message.content
        for words in ("walk", "walk the dog", "walk the dog now")
    ]

    assert said == ["short", "exact", "long"]


async def test_it_says_that_it_is_not_a_model_wherever_one_may_look(server):
    raw = await server.model.chat.completions.with_raw_response.create(model=MODEL, messages=asked("Who are you?"))
    models = await server.model.models.list()

    answer = raw.parse()
    assert raw.headers["x-callboard-offline"] == "not a model"
    assert "not a model" in answer.choices[0].message.content
    assert (answer.model, answer.system_fingerprint) == (MODEL, "not-a-model")
    assert [(model.id, model.owned_by) for model in models.data] == [(MODEL, "nobody: this is not a model")]


async def test_words_it_has_no_rule_for_are_answered_with_what_it_is(server):
    answer = await server.model.chat.completions.create(model=MODEL, messages=asked("Write a poem."))

    assert "not a model" in answer.choices[0].message.content


CALL = {"id": "c1", "type": "function", "function": {"name": "see", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("body", "error", "param"),
    [
        ({"model": MODEL, "messages": []}, openai.BadRequestError, "messages"),
        ({"model": MODEL, "messages": [{"role": "nobody", "content": ""}]}, openai.BadRequestError, "messages.0.role"),
        ({"model": "gpt-none", "messages": asked("hi")}, openai.NotFoundError, "model"),
        (
            {"model": MODEL, "messages": [*asked("hi"), {"role": "assistant", "tool_calls": [CALL]}]},
            openai.BadRequestError,
            "messages",
        ),
        (
            {"model": MODEL, "messages": [*asked("hi"), {"role": "tool", "tool_call_id": "c1", "content": "x"}]},
            openai.BadRequestError,
            "messages[2]",
        ),
    ],
    ids=["no messages", "unknown role", "unknown model", "a call without its result", "a result without its call"],
)
async def test_what_openai_refuses_is_refused(server, body, error, param):
    with pytest.raises(error) as caught:
        await server.model.chat.completions.create(**body)

    assert caught.value.param == param


async def test_a_wrong_key_is_refused(server):
    async with openai.AsyncOpenAI(base_url=f"{server.address}/v1", api_key="sk-wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError) as caught:
            await stranger.chat.completions.create(model=MODEL, messages=asked("hi"))

    assert (caught.value.code, "sk-wrong" in str(caught.value)) == ("invalid_api_key", False)


async def test_a_script_that_says_nothing_is_refused(server):
    answer = await server.http.post("/offline/scripts", json={"id": "empty", "match": "x", "steps": [{}]})

    assert answer.status_code == 400
    assert "tool_calls" in answer.json()["error"]["message"]


async def test_faults_strike_as_openai_fails(server):
    async def fail(kind):
        await server.http.put("/offline/faults", json={"rates": {kind: 1}, "retry_after_seconds": 7})
        stream = await server.model.chat.completions.create(model=MODEL, messages=asked("hi"), stream=True)
        return [chunk.choices[0].finish_reason async for chunk in stream]

    with pytest.raises(openai.RateLimitError) as limited:
        await fail("rate_limited")
    with pytest.raises(openai.InternalServerError):
        await fail("server_error")
    with pytest.raises(openai.APIConnectionError):
        await fail("broken_stream")
    ended = await fail("ended_stream")

    assert limited.value.response.headers["retry-after"] == "7"
    assert set(ended) == {None}


async def test_the_ledger_tells_every_request_by_its_key_and_keeps_them_over_a_restart(with_ledger):
    async def ask(server, key):
        await server.model.chat.completions.create(
            model=MODEL, messages=asked("hi"), extra_headers={"x-callboard-call": key}
        )

    async with with_ledger() as first:
        await ask(first, "run-1/1")
        await first.http.put("/offline/faults", json={"rates": {"server_error": 1}})
        with pytest.raises(openai.InternalServerError):
            await ask(first, "run-1/2")
    async with with_ledger() as second:
        await ask(second, "run-1/2")
        await ask(second, "run-2/1")
        told = (await second.http.get("/offline/requests", params={"key": "run-1/"})).json()

    assert [(one["key"], one["attempt"], one["status"], one["answered"]) for one in told["requests"]] == [
        ("run-1/1", 1, 200, True),
        ("run-1/2", 1, 500, False),
        ("run-1/2", 2, 200, True),
    ]
    assert told["totals"] == {"requests": 4, "answered": 3, "status.200": 3, "status.500": 1, "fault.server_error": 1}
