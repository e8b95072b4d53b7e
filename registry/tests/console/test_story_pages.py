"""The page of a run as it tells a story, and the analytics that are made of stories: what they show, and to whom."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import httpx
import pytest
from signed_in import signed_in

from callboard_registry.database import Database
from callboard_registry.ledger.keeping import Ledger
from callboard_registry.stories.keeping import Stories
from callboard_registry.stories.model import Execution, Happening, Story
from callboard_registry.stories.watched import Watched
from callboard_registry_api.budgets import DOLLAR, ModelUse
from callboard_registry_api.model import CallRecord

NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)> [here](javascript:alert(3)) \u202eback'
BEGAN = datetime.now(UTC) - timedelta(hours=1)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def execution(run: str, **told: object) -> Execution:
    usual: dict[str, object] = {
        "namespace": "shop",
        "workflow_id": f"shop-{run}",
        "run_id": run,
        "root": "tree",
        "team": "shop",
        "kind": "Orchestrate",
        "token_id": "",
        "caller": "",
        "service": "",
        "operation": "",
        "entity": "",
        "person": "ada",
        "started": at(0),
        "ended": at(9),
        "outcome": "ok",
    }
    return Execution(**{**usual, **told})  # pyright: ignore[reportArgumentType] - one of its fields each


STORY = Story(
    execution("one"),
    (
        Happening(
            number=5,
            kind="model",
            at=at(1),
            ended=at(2),
            title="Asks the model",
            outcome="ok",
            model="m1",
            input_tokens=1200,
            output_tokens=34,
            cost_usd=0.25,
            detail={
                "said": [{"role": "user", "text": "Please cancel it"}],
                "answer": f"I will. {NASTY}",
                "tools": [{"name": "bank_v1__pay", "shown": '{"card": "[masked: payment]"}'}],
                "step": 1,
                "offered": 3,
                "finish": "tool_calls",
            },
        ),
        Happening(
            number=9,
            kind="approval",
            at=at(2),
            ended=at(4),
            title="bank.v1 pay",
            outcome="refused",
            token_id="t0",
            detail={
                "rule": "large-sums",
                "approvers": ["role:finance"],
                "patience": 60,
                "by": "grace@example.com",
                "words": {"why": "It is a lot", "agent": "Needed", "arguments": "{}", "said": "not this month"},
            },
        ),
        Happening(
            number=12,
            kind="call",
            at=at(4),
            ended=at(8),
            title="bank.v1 pay",
            outcome="refused",
            reason="nothing is left",
            token_id="t1",
            detail={
                "service": "bank.v1",
                "operation": "pay",
                "effect": "write",
                "input": {"shown": '{"note": "[masked: words]"}', "open": '{"note": "for the moon"}'},
            },
        ),
    ),
)
BELOW = Story(
    execution("two", namespace="bank", team="bank", kind="Pay", token_id="t1", caller="shop", service="bank.v1"),
    (
        Happening(
            number=5,
            kind="activity",
            at=at(5),
            ended=at(7),
            title="book_it",
            outcome="ok",
            attempts=3,
            reason="tried 3 times; before: the store does not answer",
        ),
    ),
)


LIVE = Story(execution("three", namespace="bank", team="bank", ended=None, outcome="started"), ())
USE = ModelUse(
    key="two/1",
    root="tree",
    caller="shop",
    operation="pay",
    model="m1",
    at=at(5),
    input_tokens=1200,
    output_tokens=34,
    cost=DOLLAR // 4,
)


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        assert not any(str(value).startswith("javascript") for name, value in attrs if name == "href")


@pytest.fixture
async def told(running, served, client, shop) -> str:
    _, engine = served
    Stories(Database(engine)).keep([STORY, BELOW])
    # A day's sums hold more than stories do, which are dropped: they are where spending is told from.
    Ledger(Database(engine)).add([("bank", USE)])
    paid = {"root": "tree", "token_id": "t1", "caller": "shop", "endpoint": "bank", "service": "bank.v1"}
    record = CallRecord(
        **paid,
        operation="pay",
        start=at(4),
        outcome="refused",
        duration=timedelta(seconds=4),
        reason="nothing is left",
        entity="#W1",
    )
    await client.report_calls([record])
    return f"http://{running.http}"


@pytest.fixture
async def http(told):
    async with httpx.AsyncClient(base_url=told, trust_env=False, timeout=60) as http:
        await signed_in(http)
        yield http


async def test_a_run_says_what_was_asked_done_and_decided_with_calls_below_their_caller(http):
    text = (await http.get("/runs/tree")).text

    for words in (
        "Please cancel it",
        "1 model call,",
        "1\u202f234 tokens, $0.25",
        "by <bdi>grace@example.com</bdi>",
        "nothing is left",
        "3 attempts",
        "large-sums",
        "not this month",
        "for the moon",
        'href="/runs?entity=%23W1"',
        "temporal workflow show --namespace bank",
    ):
        assert words in text
    order = [text.index(f"<bdi>{title}</bdi></strong>") for title in ("Orchestrate", "Asks the model", "book_it")]
    assert order == sorted(order)
    assert 'class="kind-activity depth-2"' in text, "what the bank did stands below the call of it"


async def test_a_page_that_shows_all_that_is_known_is_not_sent_again_until_something_is_new(http, served):
    _, engine = served
    Stories(Database(engine)).keep([LIVE])
    page = (await http.get("/runs/tree")).text
    again = html.unescape(re.search(r'hx-get="([^"]+)"', page)[1])

    same = await http.get(again)
    Stories(Database(engine)).keep([replace(LIVE, execution=replace(LIVE.execution, ended=at(9), outcome="ok"))])
    newer = await http.get(again)

    # Now and then it is sent anew all the same: bars grow while a run goes on.
    assert same.status_code in (204, 200)
    assert newer.status_code == 200
    assert Watched(Database(engine)).roots() == ["tree"]


async def test_a_run_of_which_nothing_is_known_is_looked_for_while_its_page_is_open(http, served):
    _, engine = served
    first = await http.get("/runs/too-new")
    again = html.unescape(re.search(r'hx-get="([^"]+)"', first.text)[1])
    waiting = await http.get(again)
    long_ago = await http.get("/runs/too-new?seen=1")
    Stories(Database(engine)).keep([Story(execution("new", root="too-new"), ())])
    found = await http.get(again)

    assert (first.status_code, waiting.status_code) == (404, 204)
    assert ("goes on looking" in first.text, "has looked for a minute" in long_ago.text) == (True, True)
    assert "hx-get" not in long_ago.text
    assert "Orchestrate" in found.text
    assert Watched(Database(engine)).roots() == ["too-new"]


async def test_words_are_for_approvers_of_the_team_and_what_is_masked_is_for_nobody(told):
    async with httpx.AsyncClient(base_url=told, trust_env=False, timeout=60) as viewer:
        await signed_in(viewer, name="bob@example.com", may=("viewer",))

        text = (await viewer.get("/runs/tree")).text

    assert "grace@example.com" in text
    assert "[masked: words]" in text
    for hidden in ("for the moon", "not this month", "It is a lot"):
        assert hidden not in text


@pytest.mark.parametrize(("least", "found"), [("0.25", True), ("0.26", False)])
async def test_the_list_of_runs_counts_what_models_took_as_the_page_of_the_run_does(http, least, found):
    text = (await http.get("/runs", params={"cost": least})).text

    row = re.search(r"/runs/tree\".*?</tr>", text, re.DOTALL)
    assert (row is not None) is found
    if row:
        told = re.findall(r"<td[^>]*data-title=\"(Tokens|Cost)\">([^<]*)</td>", row[0])
        assert dict(told) == {"Tokens": "1\N{NARROW NO-BREAK SPACE}234", "Cost": "$0.25"}


async def test_what_a_model_wrote_makes_no_elements(http):
    text = (await http.get("/runs/tree")).text

    names = Elements(text).names
    assert names.count("script") == 2, "the page's own two"
    assert "img" not in names
    assert "&lt;script&gt;" in text


async def test_a_part_of_a_run_can_be_shown_alone_and_what_is_none_is_refused(http):
    only = (await http.get("/runs/tree?only=approvals")).text
    none = await http.get("/runs/tree?only=nonsense")

    assert "kind-approval" in only
    assert "kind-model" not in only
    assert (none.status_code, "use &#39;model&#39;" in none.text) == (400, True)


@pytest.mark.parametrize(
    ("show", "shown", "raw"),
    [
        ("tools", "bank.v1 pay", "bank.v1 pay,1,1,0,0,1.0"),
        ("stuck", "book_it", "bank,activity,book_it,1,2,0,2.0"),
        ("people", "bank.v1 pay", "shop,bank.v1 pay,0,1,0,0,2.0"),
        ("spend-team", "$0.25", "bank,1,1,1,1200,34,0,0.25"),
        ("spend-caller", "shop", "shop,1,1,1,1200,34,0,0.25"),
        ("spend-operation", "bank.v1.pay", "bank.v1.pay,1,1,1,1200,34,0,0.25"),
        ("spend-model", "m1", "m1,0,0,1,1200,34,0,0.25"),
        ("spend-day", "$0.25", f"{at(1):%Y-%m-%d},1,1,1,1200,34,0,0.25"),
        ("latency", "No call ended well", None),
    ],
)
async def test_each_question_has_a_plot_a_table_and_a_file(http, show, shown, raw):
    text = (await http.get("/analytics", params={"show": show, "window": "day"})).text
    file = await http.get("/analytics.csv", params={"show": show, "window": "day"})

    assert shown in text
    assert ("<svg" in text) is (raw is not None)
    Elements(text)
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.splitlines()[1:] == ([raw] if raw else [])


async def test_what_one_team_spent_is_told_apart_and_nothing_of_the_others(http):
    asked = {"show": "spend-model", "window": "day", "team": "bank"}
    text = (await http.get("/analytics", params=asked)).text
    file = await http.get("/analytics.csv", params=asked)
    nothing = (await http.get("/analytics", params={**asked, "team": "shop"})).text
    others = await http.get("/analytics", params={"show": "tools", "team": "bank"})

    assert "Only what <strong><bdi>bank</bdi></strong> asked" in text
    assert file.text.splitlines()[1:] == ["m1,0,0,1,1200,34,0,0.25"]
    assert "No model was asked by <bdi>shop</bdi>" in nothing
    assert (others.status_code, "only spending is told for one team" in others.text) == (400, True)


async def test_a_question_that_is_none_is_told_what_to_ask(http):
    answer = await http.get("/analytics?show=everything")

    assert answer.status_code == 400
    assert "use &#39;tools&#39;" in answer.text
