"""Pages of a registry that serves: what they say, what they load, and what they say when there is nothing to show."""

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import httpx
import pytest
from shop_edits import promises
from signed_in import signed_in

from callboard_kit.identity import digest
from callboard_registry_api.model import CallRecord

NASTY = "<script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>"


class Page(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def addresses(self) -> set[str]:
        return {
            str(value)
            for tag, attributes in self.elements
            for name, value in attributes.items()
            if (name == "src") or (tag == "link" and name == "href")
        }


@pytest.fixture
async def http(running):
    async with httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, timeout=60) as http:
        await signed_in(http)
        yield http


@pytest.fixture
def publish(http, shop):
    async def publish(body: bytes) -> None:
        token = shop.sign("PublishListing", digest(body))
        answer = await http.post("/v1/listings", content=body, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text

    return publish


async def test_the_catalog_lists_services_and_finds_operations(http, publish, document):
    await publish(document(summary="Sells what there is."))

    listed = await http.get("/catalog")
    found = await http.get("/catalog", params={"q": "sell"})
    nothing = await http.get("/catalog", params={"q": "zeppelin"})

    assert "shop.v1" in listed.text
    assert "Sells what there is." in listed.text
    assert 'href="/services/shop.v1#sell"' in found.text
    assert "Try fewer words" in nothing.text


async def test_a_service_says_what_it_promises_and_how_to_call_it(http, publish, document):
    await publish(document())

    text = (await http.get("/services/shop.v1")).text

    assert 'id="sell"' in text
    assert "nobody may call it" in text, "no policy is published"
    assert "callboard call shop.v1 sell --input" in text
    assert "Nobody has declared it" in text


async def test_what_a_team_wrote_makes_no_elements_and_no_links_that_run(http, publish, document):
    told = json.loads(document(summary=NASTY))
    told["description"] = f"{NASTY} [here](javascript:alert(3)) ![x](https://evil.example/x)"
    await publish(json.dumps(told).encode())

    for path in ("/catalog", "/services/shop.v1", "/catalog?q=alert"):
        page = Page((await http.get(path)).text)
        names = [name for name, _ in page.elements]
        assert names.count("script") == 2, "the page's own two"
        assert not {"img", "iframe", "object", "embed"} & set(names)
        assert not any(str(each.get("href")).lower().startswith("javascript") for _, each in page.elements)
        assert not any(
            attribute.startswith("on") or attribute == "style" for _, each in page.elements for attribute in each
        )


@pytest.mark.parametrize("path", ["/catalog", "/services/shop.v1", "/map", "/runs", "/services/none.v1"])
async def test_pages_load_only_what_the_registry_itself_serves(http, publish, document, path):
    await publish(document())

    answer = await http.get(path)

    assert "default-src 'self'" in answer.headers["content-security-policy"]
    loaded = Page(answer.text).addresses() - {"data:,"}
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/static/")
        assert (await http.get(address)).status_code == 200
    assert (await http.get("/static/../__init__.py")).status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/services/none.v1", 404, "no listing of"),
        ("/services/shop.v1?digest=sha256:0", 404, "no listing of"),
        ("/runs/none", 404, "Nothing of the run"),
        ("/catalog?after=nonsense", 400, "page_token"),
        ("/catalog?q=" + "x" * 500, 400, "start again from the catalog"),
        ("/runs?outcome=nonsense", 400, "use &#39;started&#39;"),
        ("/map?window=nonsense", 400, "use &#39;day&#39;"),
        ("/map?team=nobody", 200, "No team <bdi>nobody</bdi> called or was called"),
        ("/runs?cost=much", 400, "write US dollars"),
    ],
)
async def test_what_cannot_be_shown_is_a_page_that_says_what_to_do(http, path, status, told):
    answer = await http.get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert told in answer.text
    assert 'href="/catalog"' in answer.text


async def test_runs_and_the_map_show_what_was_called(http, client, publish, document):
    await publish(document())
    await client.report_calls(
        [
            CallRecord(
                root="tree-1",
                token_id="t1",
                caller="orders",
                endpoint="shop",
                service="shop.v1",
                operation="sell",
                start=datetime.now(UTC) - timedelta(minutes=1),
                outcome="failed",
                duration=timedelta(milliseconds=40),
                reason=NASTY,
                entity="#W1",
            )
        ]
    )

    runs = (await http.get("/runs", params={"entity": "#W1", "outcome": "not well"})).text
    run = (await http.get("/runs/tree-1")).text
    drawn = (await http.get("/map")).text
    service = (await http.get("/services/shop.v1")).text

    assert 'href="/runs/tree-1"' in runs
    assert "failed" in run
    assert "&lt;script&gt;alert(1)" in run
    assert "orders to shop: 1 calls" in drawn
    assert re.search(r"<text[^>]*>orders</text>", drawn)
    assert "seen, not declared" in service
    assert "No run fits" in (await http.get("/runs", params={"entity": "#W2"})).text


async def test_latency_is_drawn_against_what_each_operation_promises(http, client, publish, described):
    services = {"shop.v1": (3600, 1800), "shop.v2": (1, 0.25), "shop.v3": (0.01, 60)}
    for service, (target, _) in services.items():
        await publish(described(promises(latency_seconds=target, longest_seconds=7200), service=service))
    await client.report_calls(
        [
            CallRecord(
                root="tree-1",
                token_id=service,
                caller="orders",
                endpoint="shop",
                service=service,
                operation="sell",
                start=datetime.now(UTC) - timedelta(minutes=1),
                outcome="ok",
                duration=timedelta(seconds=took),
            )
            for service, (_, took) in services.items()
        ]
    )

    text = (await http.get("/analytics", params={"show": "latency"})).text

    drawn = {
        service: (level, float(width) / float(mark))
        for service, level, width, mark in re.findall(
            r"<bdi>([a-z.0-9]+) sell</bdi>.*?plotted (\w+)[^>]* width=\"([0-9.]+)\".*?promised\" d=\"M([0-9.]+) ", text
        )
    }
    assert drawn["shop.v3"] == ("many", 2.0)
    for service, share in (("shop.v1", 0.5), ("shop.v2", 0.25)):
        level, length = drawn[service]
        assert level == "well"
        assert 0.6 * share < length < 1.6 * share, "measured in steps of about 1.4"


async def test_where_reading_needs_a_token_whoever_is_signed_in_still_reads(serve_with):
    async with (
        serve_with(reading_needs_token=True) as running,
        httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, timeout=60) as http,
    ):
        await signed_in(http)
        page, listings = await http.get("/catalog"), await http.get("/v1/listings")

    assert (page.status_code, listings.status_code) == (200, 401)
