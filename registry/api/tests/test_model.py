from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard_registry_api.model import (
    OUTCOMES,
    STATES,
    CallRecord,
    Listing,
    Outcome,
    Policy,
    PublicKey,
    State,
    outcome_of,
    state_of,
)
from callboard_registry_api.v1 import registry_pb2 as pb

words = st.text(max_size=20)
years = {"min_value": datetime(1970, 1, 1), "max_value": datetime(9999, 1, 1)}  # noqa: DTZ001 - hypothesis adds the zone
moments = st.datetimes(**years, timezones=st.just(UTC))
numbers = st.integers(min_value=0, max_value=2**63 - 1)
listings = st.builds(
    Listing, service=words, digest=words, number=numbers, team=words, state=st.sampled_from(get_args(State)),
    created=moments, document=st.binary(max_size=20), summary=words, operations=st.tuples(words, words),
)  # fmt: skip
policies = st.builds(
    Policy, team=words, version=numbers, digest=words, document=st.binary(max_size=20), created=moments
)  # fmt: skip
keys = st.builds(PublicKey, team=words, key_id=words, public_bytes=st.binary(max_size=32), created=moments)
records = st.builds(
    CallRecord, root=words, token_id=words, caller=words, endpoint=words, service=words, operation=words, start=moments,
    outcome=st.sampled_from(get_args(Outcome)), person=words, revision=words, build=words, entity=words, reason=words,
    duration=st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650)),
    input_tokens=numbers, output_tokens=numbers, cost_usd=st.none() | st.floats(allow_nan=False), reporter=words,
    derived=st.booleans(),
)  # fmt: skip


@given(listings | policies | keys | records)
def test_what_goes_over_the_wire_comes_back_equal(thing):
    message = thing.to_message()

    assert type(thing).from_message(type(message).FromString(message.SerializeToString())) == thing


def test_every_number_of_the_protocol_has_a_name_and_unspecified_has_none():
    assert {int(number) for number in STATES.values()} == set(pb.ListingState.values()) - {0}
    assert {int(number) for number in OUTCOMES.values()} == set(pb.CallOutcome.values()) - {0}
    for name_of in (state_of, outcome_of):
        for number in (0, 99):
            with pytest.raises(ValueError, match=f"has the number {number}"):
                name_of(number)


def test_a_moment_is_kept_to_the_microsecond_in_any_zone():
    record = CallRecord(
        root="", token_id="", caller="", endpoint="", service="", operation="", outcome="ok",
        start=datetime.fromisoformat("2026-11-21T12:00:00.123456+02:00"),
    )  # fmt: skip

    assert CallRecord.from_message(record.to_message()) == replace(
        record, start=datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)
    )
