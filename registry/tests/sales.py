"""A call that went well, with everything that a record can say."""

from datetime import UTC, datetime, timedelta

from callboard_registry_api.model import CallRecord

SOLD = CallRecord(
    root="root-1",
    token_id="token-1",
    caller="bank",
    endpoint="shop",
    service="shop.v1",
    operation="sell",
    start=datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC),
    outcome="ok",
    duration=timedelta(milliseconds=1500, microseconds=7),
    person="anna",
    revision="sha256:0",
    build="build-1",
    entity="order_id=#W1",
    reason="bank-may",
    input_tokens=120,
    output_tokens=30,
    cost_usd=0.0125,
)
