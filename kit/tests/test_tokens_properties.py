"""What holds for every chain of calls, whoever builds it and whatever is done to it."""

import pytest
from chains import TEAMS, along, check
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard_kit.identity import InvalidTokenError
from callboard_kit.limits import Limits

LIMITS = st.builds(
    Limits,
    depth=st.integers(6, 6),
    fan_out=st.integers(0, 2000),
    steps=st.integers(0, 100),
    tokens=st.integers(0, 10**9),
    cost_usd=st.floats(0, 1000),
)
ROUTES = st.lists(st.sampled_from(TEAMS), min_size=2, max_size=7)
HEADERS, _ = along("orchestrator", "orders", "billing")
PLACES = [(name, place) for name, value in HEADERS.items() for place in range(len(value))]


@settings(max_examples=60, deadline=None)
@given(
    route=ROUTES, limits=st.lists(st.none() | LIMITS, max_size=7), person=st.none() | st.text(min_size=1, max_size=60)
)
def test_an_honest_chain_is_believed_and_its_limits_never_rise(
    route: list[str], limits: list[Limits | None], person: str | None
) -> None:
    _, call = along(*route, limits=limits, person=person)

    assert call.teams == tuple(route[:-1])
    assert call.person == person
    for given_limits in filter(None, limits[: len(route)]):
        assert call.limits.first_raised(given_limits) is None


@settings(max_examples=600, deadline=None)
@given(place=st.sampled_from(PLACES), bit=st.integers(0, 6))
def test_one_flipped_bit_anywhere_is_refused(place: tuple[str, int], bit: int) -> None:
    name, at = place
    value = HEADERS[name]
    flipped = value[:at] + chr(ord(value[at]) ^ 1 << bit) + value[at + 1 :]

    with pytest.raises(InvalidTokenError):
        check({**HEADERS, name: flipped}, "billing")


@pytest.mark.parametrize("name", list(HEADERS))
def test_the_last_character_of_a_header_has_no_bit_that_counts_for_nothing(name: str) -> None:
    value = HEADERS[name]

    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=":
        if other != value[-1]:
            with pytest.raises(InvalidTokenError):
                check({**HEADERS, name: value[:-1] + other}, "billing")


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300))
def test_no_text_in_place_of_a_header_does_more_than_be_refused(text: str) -> None:
    for name in HEADERS:
        if text != HEADERS[name]:
            with pytest.raises(InvalidTokenError):
                check({**HEADERS, name: text}, "billing")
