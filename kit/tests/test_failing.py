"""Errors of the vocabulary cross as what they are; everything else crosses as nothing but a reference."""

import asyncio
import logging

import nexusrpc
import pytest
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    NexusOperationError,
    TimeoutError,
    TimeoutType,
)

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit.failing import end_operation, from_failure, from_vocabulary, to_failure, unexpected

WHAT = "orders.v1 cancel"


def over_nexus(cause: BaseException) -> NexusOperationError:
    error = NexusOperationError(
        "nexus operation completed unsuccessfully",
        scheduled_event_id=5,
        endpoint="orders",
        service="orders.v1",
        operation="cancel",
        operation_token="",
    )
    error.__cause__ = cause
    return error


def from_activity(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=5,
        started_event_id=6,
        identity="w",
        activity_type="pay",
        activity_id="1",
        retry_state=None,
    )
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "retried"), [(RefusedError("no"), False), (UnavailableError("not now"), True), (MeshError("so"), False)]
)
def test_an_error_of_the_vocabulary_comes_back_as_what_it_was(error: MeshError, retried: bool) -> None:
    failure = to_failure(error)

    assert failure.non_retryable is not retried
    back = from_failure(over_nexus(failure), what=WHAT)
    assert (type(back), str(back)) == (type(error), str(error))


def test_ending_an_operation_sends_no_cause_along() -> None:
    try:
        try:
            raise KeyError("s3cret")
        except KeyError as error:
            raise MeshError("told") from error
    except MeshError as error:
        with pytest.raises(nexusrpc.OperationError) as ended:
            end_operation(error)

    cause = ended.value.__cause__
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.message, cause.__cause__) == ("MeshError", "told", None)


@pytest.mark.parametrize(
    "kind",
    ["BAD_REQUEST", "UNAUTHENTICATED", "UNAUTHORIZED", "NOT_FOUND", "CONFLICT", "NOT_IMPLEMENTED"],
)
def test_a_refusal_by_the_mesh_is_a_refusal(kind: str) -> None:
    error = over_nexus(nexusrpc.HandlerError("no rule", type=nexusrpc.HandlerErrorType[kind]))

    back = from_failure(error, what=WHAT)
    assert (type(back), str(back)) == (RefusedError, "no rule")


@pytest.mark.parametrize("kind", ["INTERNAL", "UNAVAILABLE", "UPSTREAM_TIMEOUT", "RESOURCE_EXHAUSTED"])
def test_any_other_error_of_a_handler_may_pass(kind: str) -> None:
    error = nexusrpc.HandlerError("busy", type=nexusrpc.HandlerErrorType[kind])

    back = from_failure(over_nexus(error), what=WHAT)
    assert (type(back), str(back)) == (UnavailableError, "orders.v1 cancel is not available: busy")


def test_an_error_of_a_handler_that_says_not_to_retry_is_a_refusal() -> None:
    error = nexusrpc.HandlerError("never", type=nexusrpc.HandlerErrorType.INTERNAL, retryable_override=False)

    assert isinstance(from_failure(over_nexus(error), what=WHAT), RefusedError)


def test_no_answer_in_time_is_unavailable() -> None:
    late = TimeoutError("late", type=TimeoutType.SCHEDULE_TO_CLOSE, last_heartbeat_details=[])

    back = from_failure(over_nexus(late), what=WHAT)
    assert (type(back), str(back)) == (UnavailableError, "orders.v1 cancel gave no answer in time")


@pytest.mark.parametrize(
    "error",
    [
        over_nexus(CancelledError("cancelled")),
        over_nexus(CancelledError("cancelled", "details")),
        from_activity(CancelledError("cancelled")),
        KeyError("x"),
        asyncio.CancelledError(),
    ],
)
def test_a_cancellation_and_what_is_no_failure_are_nothing_to_tell(error: BaseException) -> None:
    assert from_failure(error, what=WHAT) is None
    assert from_vocabulary(error, what=WHAT) is None


def test_a_failure_without_an_error_of_the_vocabulary_is_told_without_its_words() -> None:
    error = from_activity(ApplicationError("s3cret", type="KeyError"))

    back = from_failure(error, what=WHAT)
    assert (type(back), str(back)) == (MeshError, "orders.v1 cancel failed for a reason of its own")
    assert from_vocabulary(error, what=WHAT) is None


def test_a_refusal_from_deep_below_is_found() -> None:
    error = over_nexus(from_activity(to_failure(RefusedError("no such card"))))

    assert str(from_failure(error, what=WHAT)) == "no such card"


def test_an_unexpected_exception_is_logged_whole_and_told_by_reference(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="callboard_kit.failing"):
        told = unexpected(KeyError("s3cret"), where=WHAT)

    [record] = caplog.records
    reference = record.getMessage().rpartition(" ")[2]
    assert reference in str(told)
    assert "s3cret" not in str(told)
    assert record.exc_info is not None
    assert "s3cret" in str(record.exc_info[1])
