"""What an endpoint says of itself shows what its team wrote, and nothing that it made of the page."""

import json
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from publishing_shop import shop_document

from callboard_registry.endpoints.describing import LARGEST, described
from callboard_registry_api.health import TeamFacts
from callboard_registry_api.model import Listing

SHOP = TeamFacts(team="shop", owner="Shop team", contact="#shop", description="Sells.")

HOSTILE = [
    "<script>alert(1)</script>",
    "[click](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "a | b | c",
    "# heading",
    "- item",
    "1. item",
    "=====",
    "---",
    "> quote",
    "`code`",
    "*strong* _weak_ ~~gone~~",
    "&lt;b&gt; &#60;",
    "line\nbreak\r\n\r\n# heading",
    "\\",
    "<!-- ",
    "[ref]: http://evil.example",
    "<http://evil.example>",
    "ends with a backslash\\",
]


def listing(**changes: object) -> Listing:
    document = json.loads(shop_document())
    document.update(changes)
    return Listing(
        service="shop.v1",
        digest=document["digest"],
        number=3,
        team="shop",
        state="approved",
        created=None,  # pyright: ignore[reportArgumentType] - it is not shown
        document=json.dumps(document).encode(),
    )


class Shown(HTMLParser):
    """What a browser would show of HTML, and which elements it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def rendered(text: str) -> Shown:
    return Shown(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


def with_words(words: str) -> str:
    document = json.loads(shop_document(summary=words))
    document["operations"][0]["summary"] = words
    who = TeamFacts(team="shop", owner=words, contact=words, description=words)
    return described(who, [listing(**document)])


def test_it_tells_owner_services_and_what_operations_promise() -> None:
    assert described(SHOP, [listing()]).splitlines() == [
        "# shop",
        "",
        "Sells.",
        "",
        "Owner: Shop team · Contact: \\#shop",
        "",
        "## `shop.v1`",
        "",
        "Sells things.",
        "",
        f"Revision 3, approved: `{listing().digest}`",
        "",
        "| operation | kind | effect | as a rule within | never longer than | what it does |",
        "|---|---|---|---|---|---|",
        "| `sell` | task | write | 1 s | 60 s | Sell what is wanted. |",
        "",
        "",
        "*Written by Callboard from the listings. What is changed here by hand is overwritten.*",
    ]


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_a_team_show_as_written_and_change_nothing_else(words: str) -> None:
    harmless, hostile = rendered(with_words("harmless")), rendered(with_words(words))

    assert hostile.elements == harmless.elements
    # In the description, as owner, as contact, in the summaries of the service and of the operation.
    assert "".join(hostile.text).count(" ".join(words.split())) >= 5


@pytest.mark.parametrize(
    "words", ["http://evil.example", "www.evil.example", "me@evil.example", "HTTPS://evil.example"]
)
def test_what_looks_like_an_address_is_not_left_for_a_renderer_to_link(words: str) -> None:
    assert words not in with_words(words)
    assert "".join(rendered(with_words(words)).text).count(words) >= 5


def test_characters_that_turn_the_writing_around_or_control_it_are_left_out() -> None:
    assert not {"\u202e", "\x1b", "\u200b", "\u2028"} & set(with_words("a\u202eb\x1b[31mc\u200bd\u2028e"))


@pytest.mark.parametrize("words", ["x" * 150, "ä" * 150, "😀" * 150, '"\\|' * 50], ids=["ascii", "ä", "emoji", "marks"])
def test_what_does_not_fit_is_left_out_at_the_end_of_a_line_and_that_is_said(words: str) -> None:
    document = json.loads(shop_document())
    [operation] = document["operations"]
    document["operations"] = [{**operation, "name": f"sell_{n}", "summary": words} for n in range(400)]

    text = described(SHOP, [listing(**document)])

    assert LARGEST - 1500 < len(json.dumps(text)) <= LARGEST
    assert "… and more than fits here: `callboard catalog list` shows all of it." in text
    assert text.endswith("is overwritten.*")
    assert all(line.endswith(" |") for line in text.splitlines() if line.startswith("| `"))


def test_a_long_text_is_cut_at_a_word() -> None:
    [line] = [line for line in with_words("word " * 400).splitlines() if line.startswith("| `sell`")]

    assert line.endswith(" word… |")
