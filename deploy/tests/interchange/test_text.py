"""JSON and YAML are read for what they say, or refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.interchange.text import LARGEST, DocumentError, as_json, as_yaml, parse, read_document

TEXTS = st.one_of(
    st.text(),
    st.sampled_from(
        ["no", "on", "null", "~", "1e3", "0o7", "0x1F", "1_000", "1:30", "2024-01-01", ".5", "-", "=", "<<"]
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=4)


@given(DOCUMENTS)
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_again(document: dict[str, Any]) -> None:
    assert parse(as_yaml(document), source="yaml") == document
    assert parse(as_json(document), source="json", as_json=True) == document


@given(DOCUMENTS)
@settings(max_examples=100, deadline=None)
def test_readers_of_the_older_yaml_read_the_same(document: dict[str, Any]) -> None:
    assert yaml.safe_load(as_yaml(document)) == document


def test_plain_words_mean_what_they_mean_in_the_newer_yaml() -> None:
    text = "{a: no, b: on, c: 2024-01-01, d: 1:30, e: 010, f: 0o10, g: 0x1F, h: 1e3, i: ~, j: True, k: '1', l: }"

    assert parse(text, source="it") == {
        "a": "no", "b": "on", "c": "2024-01-01", "d": "1:30", "e": 10, "f": 8, "g": 31, "h": 1000.0, "i": None,
        "j": True, "k": "1", "l": None,
    }  # fmt: skip


REFUSED = {
    "an alias": ("a: &x [1]\nb: *x", "line 2: '\\*x' repeats another part"),
    "many aliases of aliases": ("a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]", "repeats another part"),
    "a tag": ("a: !!python/object/apply:os.system [ls]", "tags are not read"),
    "a tag of a text": ("a: !!str 5", "tags are not read"),
    "a key twice": ("a: 1\na: 2", "the key 'a' is there twice"),
    "a number for a key": ("1: a", "the key 1 is no string"),
    "no number": ("a: .inf", "is no number in JSON"),
    "a number beyond numbers": ("a: 1e999", "is no number in JSON"),
    "two documents": ("a: 1\n---\nb: 2", "it holds 2 documents"),
    "nothing": ("", "it holds 0 documents"),
    "a list": ("[1]", "holds no object"),
    "half of it": ("a: [1", "while parsing a flow sequence"),
    "depth": ("[" * 300 + "]" * 300, "nested deeper than 100 levels"),
    "very much depth": ("{a: " * 20_000, "nested deeper"),
    "a control character": ("a: \x07", "special characters are not allowed"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_json_cannot_say_is_refused(text: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        parse(text, source="it")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "the same member twice"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[" * 200 + "]" * 200, "nested deeper"),
    ],
)
def test_json_that_readers_take_differently_is_refused(text: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        parse(text, source="it", as_json=True)


@pytest.mark.parametrize(
    ("content", "said"), [(b" " * (LARGEST + 1), "is larger than"), (b"\xff\xfe", "is not UTF-8 text")]
)
def test_a_file_that_is_no_text_of_bearable_size_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_bytes(content)

    with pytest.raises(DocumentError, match=said):
        read_document(tmp_path / "file.yaml")
