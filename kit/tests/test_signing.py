"""A call leaves bounded and signed, or not at all, with a reason that can be caught."""

from datetime import timedelta

import pytest
from chains import KEYS, NOW, Call, address, check, root
from opentelemetry import baggage, context

from callboard_contracts import RefusedError, UnavailableError
from callboard_contracts.orders.v1 import Orders
from callboard_kit.contract_book import DEFAULT_LONGEST, ContractBook
from callboard_kit.headers import RESERVED
from callboard_kit.limits import Limits
from callboard_kit.signing import MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES, CallSigner, Signed
from callboard_kit.tokens import Address, headers_size

UNKNOWN = address("orders")
KNOWN = Address("orders", "orders.v1", "cancel_pending_order")
LONGEST = Orders.cancel_pending_order.promise.longest


def signed(
    *,
    to: Address = UNKNOWN,
    parent: Call | None = None,
    data: bytes = b"{}",
    time_limit: timedelta | None = None,
    headers: dict[str, str] | None = None,
) -> Signed:
    signer = CallSigner(key=KEYS["orchestrator"], book=ContractBook())
    return signer.sign(
        parent=parent or root(),
        to=to,
        data=data,
        token_id="run:1",
        now=NOW,
        time_limit=time_limit,
        headers=headers or {},
    )


def test_what_leaves_is_believed_where_it_arrives() -> None:
    leaves = signed(headers={"Traceparent": "t"})

    assert check(leaves.headers, UNKNOWN, data=b"{}").expires == NOW + DEFAULT_LONGEST.total_seconds()
    assert leaves.headers["traceparent"] == "t"


@pytest.mark.parametrize(
    ("to", "asked", "left", "given"),
    [
        (KNOWN, None, None, LONGEST),
        (KNOWN, timedelta(seconds=3), None, timedelta(seconds=3)),
        (KNOWN, LONGEST * 2, None, LONGEST),
        (UNKNOWN, None, None, DEFAULT_LONGEST),
        (UNKNOWN, timedelta(hours=1), None, timedelta(hours=1)),
        (KNOWN, timedelta(seconds=30), 4.0, timedelta(seconds=4)),
    ],
)
def test_the_time_limit_is_the_smallest_there_is(
    to: Address, asked: timedelta | None, left: float | None, given: timedelta
) -> None:
    parent = Call(root="r", team="orchestrator", expires=0.0 if left is None else NOW + left)

    assert signed(to=to, parent=parent, time_limit=asked).time_limit == given


@pytest.mark.parametrize("left", [0.0, -5.0])
def test_a_call_that_nobody_waits_for_any_more_is_not_made(left: float) -> None:
    with pytest.raises(UnavailableError, match=r"no time is left to call orders.v1 work"):
        signed(parent=Call(root="r", team="orchestrator", expires=NOW + left))


def test_a_call_beyond_the_depth_of_its_tree_is_not_made() -> None:
    deep = Call(root="r", team="orchestrator", chain=("t",), limits=Limits(depth=1))

    with pytest.raises(RefusedError, match="would be 2 hops deep; the limit of this tree is 1"):
        signed(parent=deep)


def test_an_input_that_is_too_large_names_its_size_and_the_limit() -> None:
    signed(data=b"x" * MAX_PAYLOAD_BYTES)
    with pytest.raises(RefusedError, match=f"has {MAX_PAYLOAD_BYTES + 1} bytes; {MAX_PAYLOAD_BYTES} is the limit"):
        signed(data=b"x" * (MAX_PAYLOAD_BYTES + 1))


def test_headers_that_are_too_big_name_their_size_and_the_limit() -> None:
    with pytest.raises(RefusedError, match=f"have [0-9]+ bytes; {MAX_HEADER_BYTES} is the limit"):
        signed(headers={"note": "é" * 4000})


def test_the_context_of_a_trace_counts_as_well() -> None:
    reset = context.attach(baggage.set_baggage("much", "x" * 4000))
    try:
        fits = {"note": "x" * (MAX_HEADER_BYTES - 4000)}
        with pytest.raises(RefusedError, match="is the limit"):
            signed(headers=fits)
    finally:
        context.detach(reset)
    assert headers_size(signed(headers={"note": "x" * 3000}).headers) < MAX_HEADER_BYTES


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_header_that_is_temporal_s_is_not_set(name: str) -> None:
    with pytest.raises(RefusedError, match=f"cannot set the header '{name}'"):
        signed(headers={name.title(): "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tr\nee", "x"),
        ("t ree", "x"),
        ("bäum", "x"),
        ("", "x"),
        ("n", "a\nb"),
        ("n", "a\rb"),
        ("n", "\x00"),
        ("n:", "x"),
    ],
)
def test_a_header_that_cannot_travel_is_refused_where_it_is_set(name: str, value: str) -> None:
    with pytest.raises(RefusedError, match="no such header can travel"):
        signed(headers={name: value})


def test_a_header_may_hold_any_words_on_one_line() -> None:
    assert signed(headers={"X-Note": "bäume\tund mehr"}).headers["x-note"] == "bäume\tund mehr"


def test_a_caller_cannot_bring_a_token_of_its_own() -> None:
    leaves = signed(headers={"Callboard-Token": "x", "callboard-chain": "y"})

    assert check(leaves.headers, UNKNOWN, data=b"{}").caller == "orchestrator"
