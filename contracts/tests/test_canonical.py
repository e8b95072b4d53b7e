"""The fast way writes what the slow one writes."""

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from callboard_contracts.canonical import canonical_json

NUMBERS = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [0.0, -0.0, 1.0, 1e15, 1e16, 1e17, 1e21, 1e-4, 1e-5, 9.999e-5, 1e-7, 0.1, 123456789012345.6, 5e-324]
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


def slow(value):
    try:
        return rfc8785.dumps(value)
    except (ValueError, UnicodeEncodeError) as error:
        return type(error)


def fast(value):
    try:
        return canonical_json(value)
    except (ValueError, UnicodeEncodeError) as error:
        return type(error)


@given(VALUES)
@example({"\U0001f600": 1, "\uff00": 2, "e": 3})
@example({"a": '\x00\x1f\x7f\u2028"\\/\b\f\n\r\t', "ü": [1.0, 2.5]})
@example({"a": ":2.0,", "b\\\\": [2.0, 1e22, "[3.0]", '\\\\"', 4.0], 'c"': -0.0})
@example({"\ud7ff": 1, "\ue000": 2, "\U00010000": 3})
def test_the_fast_way_writes_what_the_slow_one_writes(value):
    assert fast(value) == slow(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), float("nan"), float("inf"), {"a": object()}, {"a": b"x"}])
def test_what_json_cannot_hold_is_refused_by_both(value):
    with pytest.raises(ValueError):
        canonical_json(value)
