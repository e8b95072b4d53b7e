"""What a run spent reaches its caller beside the answer or the failure."""

import json

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError

from callboard_kit.budgets.sharing import NOTHING, Amount
from callboard_kit.budgets.telling import (
    METADATA,
    read_from_answer,
    read_from_failure,
    tell_in_answer,
    tell_in_failure,
)

SPENT = Amount(tokens=7, nanos=8, calls=9)


def test_an_answer_carries_what_it_took():
    payload = Payload(data=b'{"usage": {"input_tokens": 1}}')

    tell_in_answer(payload, SPENT)

    assert read_from_answer(payload) == SPENT


def test_nothing_is_written_where_nothing_was_spent():
    payload, failure = Payload(data=b"{}"), ApplicationError("no", type="RefusedError")

    tell_in_answer(payload, NOTHING)

    assert not payload.metadata
    assert tell_in_failure(failure, NOTHING) is failure


def test_the_usage_in_an_answer_counts_where_nothing_stands_beside_it():
    usage = {"input_tokens": 100, "output_tokens": 10, "model_calls": 2, "cost_usd": 0.5}

    assert read_from_answer(Payload(data=json.dumps({"usage": usage}).encode())) == Amount(110, 500_000_000)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"usage": 3}', b'{"usage": {"input_tokens": "many"}}', b"\xff"])
def test_an_answer_that_says_nothing_of_the_kind_says_nothing(data):
    assert read_from_answer(Payload(data=data)) is None


@pytest.mark.parametrize("told", [b"{", b"[1]", b"[1,2,-3]", b"[1,2,true]", b'"x"', b"[1,2,1e99]"])
def test_what_is_no_amount_is_not_believed(told):
    assert read_from_answer(Payload(data=b"{}", metadata={METADATA: told})) is None


def test_a_failure_says_what_was_spent_before_it():
    told = tell_in_failure(ApplicationError("no", type="RefusedError", non_retryable=True), SPENT)
    outer = RuntimeError("the call failed")
    outer.__cause__ = told

    assert (told.message, told.type, told.non_retryable) == ("no", "RefusedError", True)
    assert read_from_failure(outer) == SPENT
    assert read_from_failure(RuntimeError("nothing known")) is None
