"""Regular expressions as sets of strings, held against the engine of the validator."""

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard_registry.compatibility.languages import NOTHING, Languages, shortest
from callboard_registry.compatibility.patterns import UnreadableError, read_pattern

PIECES = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "\\s", "\\.", "-", "[a-c1-]", "\\u0062", "\\x61"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}", "*?"])).map(
            lambda found: f"(?:{found[0]}){found[1]}"
        ),
    ),
    max_leaves=6,
)
PATTERNS = st.tuples(st.sampled_from(["", "^", "^^"]), PIECES, st.sampled_from(["", "$"])).map("".join)
TEXTS = st.text("ab1. -\n", max_size=5)


def free() -> None:
    """Spend nothing."""


def contains(languages: Languages, pattern: str, text: str) -> bool:
    language = read_pattern(pattern, languages, wide=True)
    for letter in text:
        language = languages.after(language, ord(letter))
    return language.has_empty


@settings(max_examples=300, derandomize=True, deadline=None)
@given(pattern=PATTERNS, texts=st.lists(TEXTS, min_size=8, max_size=8))
def test_a_set_holds_what_the_engine_matches(pattern: str, texts: list[str]) -> None:
    engine = jsonschema_rs.validator_for({"pattern": pattern})
    languages = Languages()

    for text in texts:
        assert contains(languages, pattern, text) is engine.is_valid(text)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(first=PATTERNS, second=PATTERNS, low=st.integers(0, 4), more=st.integers(0, 3))
def test_a_shortest_string_is_in_one_and_not_in_the_other(first: str, second: str, low: int, more: int) -> None:
    languages = Languages()
    wide, narrow = read_pattern(first, languages, wide=True), read_pattern(second, languages, wide=True)
    difference = languages.both([wide, languages.without(narrow)])
    found = None if difference is NOTHING else shortest(languages, difference, low, low + more, free)

    if found is not None:
        assert low <= len(found) <= low + more
        assert contains(languages, first, found)
        assert not contains(languages, second, found)


@pytest.mark.parametrize(
    ("pattern", "low", "high", "found"),
    [
        ("^(ab)+$", 0, None, "ab"),
        ("^(ab)+$", 3, None, "abab"),
        ("^(ab)+$", 3, 3, None),
        ("^a{0,700}$", 700, None, "a" * 700),
        ("^a{0,700}$", 701, None, None),
        ("^(a|b)*$", 2, 2, "aa"),
        ("(^a|b)c", 0, None, "ac"),
        ("^$", 0, None, ""),
        ("^$", 1, None, None),
        ("", 0, None, ""),
        ("^(|a)$", 1, None, "a"),
    ],
)
def test_a_shortest_string_of_a_length(pattern: str, low: int, high: int | None, found: str | None) -> None:
    languages = Languages()

    assert shortest(languages, read_pattern(pattern, languages, wide=True), low, high, free) == found


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", "(?<!a)b", "(a)\\1", "\\bword", "\\p{L}", "a^b", "a$b", "(?i)a", "a{9999}", "[a&&b]", "(a", "a)", "^*"],
)
def test_what_cannot_be_read_is_said(pattern: str) -> None:
    with pytest.raises(UnreadableError, match="the pattern"):
        read_pattern(pattern, Languages(), wide=True)
