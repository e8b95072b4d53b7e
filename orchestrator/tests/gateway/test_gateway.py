"""What a client of the gateway sees."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from callboard_contracts.inbox import v1 as inbox
from callboard_kit.approvals.answers import sign_answer
from callboard_kit.identity import SigningKey
from callboard_kit.persons import Credential, Person

from .conftest import Theatre, sse

JSON = {"content-type": "application/json"}

ANSWER = "Your address is 1 Old Road, Denver. " * 8
LOOK_UP = {"tool_calls": [{"name": "customers_v1__get_user_details", "arguments": {"user_id": "ada_smith_1234"}}]}


async def ended(client: httpx2.AsyncClient, run_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60), client.stream("GET", f"/v1/runs/{run_id}/events") as response:
        assert response.status_code == 200
        [*_, (_, last)] = [each async for each in sse(response)]
    return last


async def whole_stream(client: httpx2.AsyncClient, run_id: str) -> list[tuple[str | None, dict[str, Any]]]:
    """Return all events of a run with one call, and where they stand; the other team may tell of its end a bit late."""
    async with asyncio.timeout(60):
        while True:
            async with client.stream("GET", f"/v1/runs/{run_id}/events") as response:
                assert response.headers["content-type"].startswith("text/event-stream")
                told = [each async for each in sse(response)]
            if any(event["kind"] == "call.ended" for _, event in told):
                return told
            await asyncio.sleep(0.1)


async def test_a_run_is_started_followed_and_settled(theatre: Theatre) -> None:
    words = await theatre.play(LOOK_UP, {"content": ANSWER})
    async with theatre.client() as client:
        started = await client.post("/v1/runs", json={"words": words})
        assert started.status_code == 201
        run_id = started.json()["id"]
        assert started.headers["location"] == f"/v1/runs/{run_id}"
        events = [event for _, event in await whole_stream(client, run_id)]
        shown = (await client.get(f"/v1/runs/{run_id}")).json()

    # Each worker tells in order; what two of them tell at once may come in any.
    of_orchestrator = [event["kind"] for event in events if event["team"] == "orchestrator"]
    step = ["step.started", "step.ended", "usage"]
    assert [kind for kind in of_orchestrator if kind != "text.delta"] == [
        *("run.started", *step, "tool.called", "tool.returned", *step, "run.ended")
    ]
    kinds = [event["kind"] for event in events]
    assert [kind for kind in kinds if kind.startswith("call.")] == ["call.started", "call.ended"]
    assert (kinds[0], kinds[-1]) == ("run.started", "run.ended")
    assert "".join(event["data"]["text"] for event in events if event["kind"] == "text.delta") == ANSWER
    assert {event["team"] for event in events if event["kind"].startswith("call.")} == {"customers"}
    assert len({event["id"] for event in events}) == len(events)
    assert shown["state"] == "ok"
    assert shown["result"]["answer"] == ANSWER


async def test_who_goes_on_after_an_event_gets_the_rest_and_nothing_twice(theatre: Theatre) -> None:
    words = await theatre.play(LOOK_UP, {"content": ANSWER})
    async with theatre.client() as client:
        run_id = (await client.post("/v1/runs", json={"words": words})).json()["id"]
        whole = await whole_stream(client, run_id)
        [*_, before_the_end, _] = [place for place, (position, _) in enumerate(whole) if position is not None]
        for place in (0, 3, before_the_end):
            position = whole[place][0]
            assert position is not None
            headers = {"last-event-id": position}
            async with client.stream("GET", f"/v1/runs/{run_id}/events", headers=headers) as response:
                assert [each async for each in sse(response)] == whole[place + 1 :]
            async with client.stream("GET", f"/v1/runs/{run_id}/events?after={position}") as response:
                assert [each async for each in sse(response)] == whole[place + 1 :]


async def test_what_a_contract_calls_sensitive_is_in_no_event(theatre: Theatre) -> None:
    secret = "ada.smith@example.com"
    find = {"tool_calls": [{"name": "customers_v1__find_user_id_by_email", "arguments": {"email": secret}}]}
    words = await theatre.play(find, {"content": "Done."})
    async with theatre.client() as client:
        run_id = (await client.post("/v1/runs", json={"words": words})).json()["id"]
        async with client.stream("GET", f"/v1/runs/{run_id}/events") as response:
            text = (await response.aread()).decode()

    assert "customers_v1__find_user_id_by_email" in text
    assert "[masked: contact]" in text
    assert secret not in text


async def test_the_same_key_starts_one_run_and_another_request_with_it_is_refused(theatre: Theatre) -> None:
    words = await theatre.play({"content": "Done."})
    async with theatre.client() as client, theatre.client("grace") as other:
        keyed = {"headers": {"idempotency-key": f"key-of-{theatre.words.split()[-1]}"}}
        answers = await asyncio.gather(*(client.post("/v1/runs", json={"words": words}, **keyed) for _ in range(5)))
        again = await client.post("/v1/runs", json={"words": words}, **keyed)
        changed = await client.post("/v1/runs", json={"words": "something else"}, **keyed)
        elsewhere = await other.post("/v1/runs", json={"words": words}, **keyed)

    assert len({answer.json()["id"] for answer in (*answers, again)}) == 1
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert again.headers["idempotent-replayed"] == "true"
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_key_reused")
    assert elsewhere.status_code == 201
    assert elsewhere.json()["id"] != again.json()["id"]


async def test_a_run_is_cancelled_once(theatre: Theatre) -> None:
    words = await theatre.play({"content": "Too late."})
    await slow(theatre, words, seconds=30)
    async with theatre.client() as client:
        run_id = (await client.post("/v1/runs", json={"words": words})).json()["id"]
        ending = asyncio.create_task(ended(client, run_id))
        cancelled = await client.post(f"/v1/runs/{run_id}/cancel", json={"reason": "changed my mind"})
        last = await ending
        again = await client.post(f"/v1/runs/{run_id}/cancel")
        shown = (await client.get(f"/v1/runs/{run_id}")).json()

    assert cancelled.status_code == 202
    assert last["data"] == {"outcome": "cancelled", "error": "changed my mind"}
    assert (again.status_code, again.json()["code"]) == (409, "run_over")
    assert (shown["state"], shown["result"]) == ("cancelled", None)


async def test_a_run_that_is_terminated_ends_its_stream(theatre: Theatre) -> None:
    words = await theatre.play({"content": "Too late."})
    await slow(theatre, words, seconds=30)
    async with theatre.client() as client:
        run_id = (await client.post("/v1/runs", json={"words": words})).json()["id"]
        ending = asyncio.create_task(ended(client, run_id))
        await theatre.runs.get(run_id).give_up(reason="by an operator")

        assert (await ending)["data"]["outcome"] == "terminated"


async def test_a_caller_sees_only_their_own_runs(theatre: Theatre) -> None:
    words = await theatre.play({"content": "Done."})
    async with (
        theatre.client("ada") as ada,
        theatre.client("grace") as grace,
        theatre.client("olga", ("runs", "runs-all")) as operator,
    ):
        run_id = (await ada.post("/v1/runs", json={"words": words})).json()["id"]
        await ended(ada, run_id)
        await until_listed(ada, run_id)
        for request in (
            grace.get(f"/v1/runs/{run_id}"),
            grace.get(f"/v1/runs/{run_id}/events"),
            grace.post(f"/v1/runs/{run_id}/cancel"),
        ):
            answer = await request
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_run")
        assert run_id not in await listed(grace)
        assert (await grace.get("/v1/runs?everybodys=true")).status_code == 403
        assert run_id in await listed(operator, everybodys=True)
        assert (await operator.get(f"/v1/runs/{run_id}")).json()["result"]["answer"] == "Done."


async def test_runs_are_listed_newest_first_and_page_by_page(theatre: Theatre) -> None:
    words = await theatre.play({"content": "Done."})
    started: list[str] = []
    async with theatre.client(f"lister-{theatre.words.split()[-1]}") as client:
        for _ in range(5):
            started.append((await client.post("/v1/runs", json={"words": words})).json()["id"])
            await ended(client, started[-1])
        await until_listed(client, *started)
        pages: list[list[str]] = []
        page = ""
        while page is not None and len(pages) < 5:
            answer = (await client.get("/v1/runs", params={"limit": 2, "page": page})).json()
            pages.append([run["id"] for run in answer["runs"]])
            page = answer["next_page"]

    assert [run_id for each in pages for run_id in each] == started[::-1]


async def test_a_token_says_whom_a_run_is_for(theatre: Theatre) -> None:
    words = await theatre.play({"content": "Done."})
    async with theatre.client() as client, theatre.client("desk", ("runs", "act-for")) as desk:
        refused = await client.post("/v1/runs", json={"words": words, "person": "grace"})
        allowed = await desk.post("/v1/runs", json={"words": words, "person": "grace"})

    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert allowed.status_code == 201


TOKENS = {
    "none": "",
    "no bearer": "Basic YTpi",
    "no token": "Bearer x.y.z",
    "a foreign one": "foreign",
    "one of another kind": "certificate",
    "one whose time is over": "old",
}


@pytest.mark.parametrize("which", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("path", ["/v1/runs", "/v1/runs/x/events", "/v1/approvals", "/v1/conversations", "/v1/models"])
async def test_a_token_that_proves_nothing_is_refused(theatre: Theatre, which: str, path: str) -> None:
    made = {
        "foreign": f"Bearer {theatre.token(key=SigningKey.generate('inbox'))}",
        "certificate": f"Bearer {theatre.mesh.keys['orchestrator'].sign({'typ': 'person', 'v': 1, 'sub': 'ada'})}",
        "old": f"Bearer {theatre.token(lifetime=timedelta(minutes=-5))}",
    }
    headers = {"authorization": made.get(which, which)} if which else {}
    async with httpx2.AsyncClient(base_url=theatre.address, headers=headers, timeout=60) as client:
        answer = await client.get(path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert_problem(answer, "not_authenticated")


async def test_a_token_without_the_scope_is_refused(theatre: Theatre) -> None:
    async with theatre.client(scopes=("approvals",)) as client:
        assert_problem(await client.get("/v1/runs"), "missing_scope")
    async with theatre.client(scopes=("runs",)) as client:
        assert_problem(await client.get("/v1/approvals"), "missing_scope")


RUN = {"words": "hello"}
BAD = {
    "unknown run": (("GET", "/v1/runs/{own}-nope"), {}, 404, "unknown_run"),
    "events of an unknown run": (("GET", "/v1/runs/{own}-nope/events"), {}, 404, "unknown_run"),
    "cancelling an unknown run": (("POST", "/v1/runs/{own}-nope/cancel"), {}, 404, "unknown_run"),
    "an id that is none": (("GET", "/v1/runs/a%20b"), {}, 400, "invalid_request"),
    "an event id that is none": (
        ("GET", "/v1/runs/{own}-nope/events"),
        {"headers": {"last-event-id": "yesterday"}},
        400,
        "invalid_event_id",
    ),
    "an event id of the future": (
        ("GET", "/v1/runs/{own}-nope/events"),
        {"headers": {"last-event-id": "99999999999999-0"}},
        400,
        "invalid_event_id",
    ),
    "an event id that is no number": (("GET", "/v1/runs/{own}-nope/events?after=x"), {}, 400, "invalid_event_id"),
    "no words": (("POST", "/v1/runs"), {"json": {}}, 400, "invalid_request"),
    "empty words": (("POST", "/v1/runs"), {"json": {"words": " "}}, 400, "invalid_request"),
    "too many words": (("POST", "/v1/runs"), {"json": {"words": "x" * 20_001}}, 400, "invalid_request"),
    "a field that is none": (("POST", "/v1/runs"), {"json": {**RUN, "wrods": 1}}, 400, "invalid_request"),
    "a mode that is none": (("POST", "/v1/runs"), {"json": {**RUN, "mode": "quick"}}, 400, "invalid_request"),
    "limits that are none": (("POST", "/v1/runs"), {"json": {**RUN, "limits": {"depth": -1}}}, 400, "invalid_request"),
    "no JSON": (("POST", "/v1/runs"), {"content": b"{", "headers": JSON}, 400, "invalid_request"),
    "no text": (("POST", "/v1/runs"), {"content": b"\xff", "headers": JSON}, 400, "invalid_request"),
    "a body of 10 MB": (("POST", "/v1/runs"), {"content": b"x" * 10_000_000}, 413, "body_too_large"),
    "a key with spaces": (
        ("POST", "/v1/runs"),
        {"json": RUN, "headers": {"idempotency-key": "a b"}},
        400,
        "invalid_idempotency_key",
    ),
    "a key that is too long": (
        ("POST", "/v1/runs"),
        {"json": RUN, "headers": {"idempotency-key": "a" * 256}},
        400,
        "invalid_idempotency_key",
    ),
    "a page that is none": (("GET", "/v1/runs?page=x!"), {}, 400, "invalid_page"),
    "a page nobody gave": (("GET", "/v1/runs?page=eHh4"), {}, 400, "invalid_page"),
    "too many at a time": (("GET", "/v1/runs?limit=100000"), {}, 400, "invalid_request"),
    "a path that is none": (("GET", "/v2/runs"), {}, 404, "unknown_path"),
    "a method that is none": (("DELETE", "/v1/runs"), {}, 405, "method_not_allowed"),
    "an unknown question": (("POST", "/v1/approvals/nope"), {"json": {"statement": "x"}}, 422, "refused"),
}


@pytest.mark.parametrize(("what", "more", "status", "code"), BAD.values(), ids=BAD)
async def test_what_is_wrong_is_said_in_one_form(
    theatre: Theatre, what: tuple[str, str], more: dict[str, Any], status: int, code: str
) -> None:
    method, path = what
    own = hashlib.sha256(b"caller:ada").hexdigest()[:12]
    async with theatre.client(scopes=("runs", "approvals")) as client:
        answer = await client.request(method, path.format(own=own), **more)

    assert answer.status_code == status
    assert_problem(answer, code)


async def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_too(theatre: Theatre) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10_000):
            yield b"x" * 1_000

    async with theatre.client() as client:
        answer = await client.post("/v1/runs", content=endless(), headers=JSON)

    assert answer.status_code == 413
    assert_problem(answer, "body_too_large")


async def test_the_interface_is_described(theatre: Theatre) -> None:
    async with httpx2.AsyncClient(base_url=theatre.address, timeout=60) as client:
        described = (await client.get("/openapi.json")).json()
        page = await client.get("/docs")

    assert described["openapi"].startswith("3.1")
    assert {
        "/v1/runs",
        "/v1/runs/{run_id}",
        "/v1/runs/{run_id}/events",
        "/v1/runs/{run_id}/cancel",
        "/v1/approvals",
        "/v1/approvals/{gate}",
        "/v1/conversations",
        "/v1/conversations/{id}/messages",
        "/v1/conversations/{id}/messages/{message}/withdraw",
        "/v1/chat/completions",
        "/v1/models",
    } <= set(described["paths"])
    assert page.status_code == 404


async def test_a_question_is_listed_for_whoever_may_answer_and_answered_with_a_statement(theatre: Theatre) -> None:
    credential = Credential.issue(
        theatre.mesh.keys["inbox"],
        Person(name="grace", scopes=("approvals",)),
        now=time.time(),
        lifetime=timedelta(hours=1),
    )
    question = inbox.Question(
        id=theatre.words,
        service="billing.v1",
        operation="refund",
        effect="irreversible",
        rule="large-refunds",
        approvers=("grace",),
        patience_seconds=60,
    )
    client = await theatre.mesh.client("orchestrator")
    asking = await client.create_nexus_client(service=inbox.Inbox, endpoint=inbox.ENDPOINT).start_operation(
        inbox.Inbox.ask, question, id=f"ask-{uuid.uuid4()}"
    )
    async with (
        theatre.client("grace", ("approvals",)) as grace,
        theatre.client("ada", ("approvals",)) as ada,
    ):
        [asked] = await waiting(grace)
        assert (await ada.get("/v1/approvals")).json() == {"approvals": []}
        statement = sign_answer(credential, question, approve=True, now=time.time(), reason="fine")
        path = f"/v1/approvals/{asked['gate']}"
        assert_problem(await grace.post(path, json={"statement": "nonsense"}), "refused")
        before = (await grace.get(path)).json()
        assert_problem(await ada.get(path), "refused")
        answers = [await grace.post(path, json={"statement": statement}) for _ in range(2)]
        after = await settled(grace, path)

    assert (before["state"], before["asked"]) == ("waiting", asked)
    assert (after["state"], after["verdict"]["person"]) == ("approved", "grace")
    verdict = await asking.result()
    assert (verdict.outcome, verdict.person, verdict.reason) == ("approved", "grace", "fine")
    assert answers[0].json()["outcome"] == "approved"
    assert answers[1].status_code in (200, 422)


async def test_an_answer_that_comes_twice_too_late_or_from_the_wrong_person_is_refused_and_changes_nothing(
    theatre: Theatre,
) -> None:
    def statement(name: str, question: inbox.Question, *, approve: bool = True) -> dict[str, str]:
        credential = Credential.issue(
            theatre.mesh.keys["inbox"],
            Person(name=name, scopes=("approvals",)),
            now=time.time(),
            lifetime=timedelta(hours=1),
        )
        return {"statement": sign_answer(credential, question, approve=approve, now=time.time())}

    client = await theatre.mesh.client("orchestrator")
    nexus = client.create_nexus_client(service=inbox.Inbox, endpoint=inbox.ENDPOINT)

    async def asked(patience: float) -> tuple[inbox.Question, Any]:
        question = inbox.Question(
            id=uuid.uuid4().hex,
            service="billing.v1",
            operation="refund",
            effect="irreversible",
            rule="large-refunds",
            approvers=("grace", "hal"),
            patience_seconds=patience,
        )
        return question, await nexus.start_operation(inbox.Inbox.ask, question, id=f"ask-{uuid.uuid4()}")

    async with (
        theatre.client("grace", ("approvals",)) as grace,
        theatre.client("hal", ("approvals",)) as hal,
        theatre.client("eve", ("approvals",)) as eve,
    ):
        question, asking = await asked(patience=60)
        path = await gate_of(theatre, question)
        wrong = await eve.post(path, json=statement("eve", question))
        stolen = await eve.post(path, json=statement("grace", question.model_copy(update={"id": "another"})))
        first = await grace.post(path, json=statement("grace", question))
        twice = await hal.post(path, json=statement("hal", question, approve=False))
        verdict = await asking.result()

        question, asking = await asked(patience=1)
        path = await gate_of(theatre, question)
        expired = await asking.result()
        late = await grace.post(path, json=statement("grace", question))
        unknown = await grace.get("/v1/approvals/gate-orchestrator-000000000000000000000000")

    for refused, words in [
        (wrong, "'eve' may not answer"),
        (stolen, "does not count"),
        (twice, "is answered already: approved by grace"),
        (late, "is over: nobody answered it until"),
        (unknown, "there is no question"),
    ]:
        assert refused.status_code == 422, refused.text
        assert_problem(refused, "refused")
        assert words in refused.json()["detail"]
    assert first.json()["outcome"] == "approved"
    assert (verdict.outcome, verdict.person) == ("approved", "grace")
    assert expired.outcome == "expired"


async def gate_of(theatre: Theatre, question: inbox.Question) -> str:
    """Wait until Temporal lists the gate of a question, also of one that is over, and return its path."""
    client = await theatre.mesh.bare_client("inbox")
    for _ in range(600):
        async for each in client.list_workflows("WorkflowType = 'Gate'"):
            if question.id in str(await each.memo()):
                return f"/v1/approvals/{each.id}"
        await asyncio.sleep(0.05)
    raise AssertionError("the question is not listed after thirty seconds")


async def settled(client: httpx2.AsyncClient, path: str) -> dict[str, Any]:
    for _ in range(1200):
        if (found := (await client.get(path)).json())["state"] != "waiting":
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it still waits after ten seconds")


async def waiting(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    for _ in range(1200):
        if found := (await client.get("/v1/approvals")).json()["approvals"]:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("nothing waits after ten seconds")


async def listed(client: httpx2.AsyncClient, *, everybodys: bool = False) -> list[str]:
    answer = await client.get("/v1/runs", params={"everybodys": everybodys, "limit": 200})
    return [run["id"] for run in answer.json()["runs"]]


async def until_listed(client: httpx2.AsyncClient, *run_ids: str) -> None:
    for _ in range(1200):
        if set(run_ids) <= set(await listed(client)):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the runs are not listed after ten seconds")


async def slow(theatre: Theatre, words: str, *, seconds: float) -> None:
    """Have the model take its time over these words."""
    plan = {"rates": {"slow": 1.0}, "slow_seconds": seconds, "match": words}
    (await theatre.offline.http.put("/offline/faults", json=plan)).raise_for_status()


def assert_problem(answer: httpx2.Response, code: str) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:callboard:problem:{code}"
    assert problem["detail"]
    assert "\n" not in problem["detail"]
    assert problem["error"]["message"] == problem["detail"]
