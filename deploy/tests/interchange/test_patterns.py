"""A pattern goes into a contract file only if every language reads it alike."""

import pytest

from callboard.interchange.patterns import unportable

PORTABLE = [
    "", r"^[A-Z]{2,4}$", r"^\S+\s\S+$", r"^#W[0-9]{7}$", r"^[a-z]+(-[a-z]+)*$", r"(\.[a-z]+)*", r"a+?", r"x{3}?",
    r"^(a|bc)*$", r"(?:a|b)?", r"[^\S]", r"[\-a]", r"\x41", r"\\", r"a|", r"[a-z0-9._%+\-]+",
]  # fmt: skip

UNPORTABLE = {
    r"^(?!x)a": "lookahead",
    r"(?=a)": "lookahead",
    r"(?<=a)b": "lookbehind",
    r"(?<name>a)": "a named group",
    r"(?P<name>a)": "a named group",
    r"(?i)a": "an inline flag",
    r"(a)\1": "the back reference",
    r"\bword": r"the escape '\b'",
    r"\p{L}": r"the escape '\p'",
    r"\u0041": r"the escape '\u'",
    r"\Aa\Z": r"the escape '\A'",
    "\\": "the escape",
    r"(a+)+": "can be read in many ways",
    r"(a|b)*": "can be read in many ways",
    r"(ab|cd){2,}": "can be read in many ways",
    r"a{2}*": "what is repeated already",
    r"a++": "what is repeated already",
    r"*a": "repeats nothing",
    r"[[:alpha:]]": "inside a class",
    r"[]a]": "inside a class",
    r"[a&&b]": "inside a class",
    r"[\S.]": r"'\S' beside others",
    r"{": "a lone '{'",
    r"a]": "a lone ']'",
    r"[a-": "not closed",
    r"a)": "closes nothing",
    r"(a": "no regular expression",
    r"[z-a]": "no regular expression",
}


@pytest.mark.parametrize("pattern", PORTABLE)
def test_plain_patterns_are_portable(pattern: str) -> None:
    assert unportable(pattern) is None


@pytest.mark.parametrize(("pattern", "said"), UNPORTABLE.items(), ids=UNPORTABLE)
def test_what_engines_read_differently_is_named(pattern: str, said: str) -> None:
    assert said in (unportable(pattern) or "")
