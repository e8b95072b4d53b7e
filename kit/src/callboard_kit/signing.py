"""What every call of a member gets before it leaves: a time limit, an identity, and checks.

Checked is all that Temporal would not let anyone catch later. Free of workflows and clients: `caller.py` feeds it from
inside a workflow, `standalone.py` from outside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from opentelemetry import propagate

from callboard_contracts import RefusedError, UnavailableError
from callboard_kit.contract_book import DEFAULT_LONGEST, ContractBook
from callboard_kit.headers import NAME, RESERVED, VALUE
from callboard_kit.identity import SigningKey, digest
from callboard_kit.limits import NEVER, Limits
from callboard_kit.tokens import PROOF, Address, Call, headers_size, sign_call

MAX_HEADER_BYTES: Final = 8192 - 512
"""Temporal's limit for the headers of an operation, less what other interceptors may add."""

MAX_PAYLOAD_BYTES: Final = 2 * 1024 * 1024
"""The size from which Temporal refuses a payload."""


@dataclass(frozen=True)
class Signed:
    """A call that is ready to leave."""

    headers: dict[str, str]
    time_limit: timedelta


class CallSigner:
    """Signs the calls of one team."""

    def __init__(self, *, key: SigningKey, book: ContractBook) -> None:
        self.key = key
        self._book = book

    def sign(
        self,
        *,
        parent: Call,
        to: Address,
        data: bytes,
        token_id: str,
        now: float,
        time_limit: timedelta | None,
        headers: Mapping[str, str],
        idempotency_key: str = "",
        limits: Limits | None = None,
    ) -> Signed:
        """Return the headers and the time limit of a call that `parent` makes with the input `data`.

        The time limit is the smallest of what the caller asks for, what the provider promises, what is left of the
        parent's own and what is left to its tree. `limits`: what the call may use up, if less than its parent may.

        Raises:
            RefusedError: The call could never be accepted: too deep, too large, with headers that are not its own.
            UnavailableError: No time is left for it.
        """
        name = f"{to.service} {to.operation}"
        contract = self._book.find(to.service, to.operation)
        longest = contract.promise.longest if contract else DEFAULT_LONGEST if time_limit is None else time_limit
        limit = longest if time_limit is None else min(longest, time_limit)
        if parent.expires:
            limit = min(limit, timedelta(seconds=parent.expires - now))
        if parent.limits.ends != NEVER:
            limit = min(limit, timedelta(seconds=parent.limits.ends - now))
            if limit <= timedelta(0):
                raise RefusedError(f"no time is left to call {name}: the wall time of its tree is used up")
        if limit <= timedelta(0):
            raise UnavailableError(f"no time is left to call {name}: the caller of {parent.team!r} has stopped waiting")
        if parent.depth + 1 > parent.limits.depth:
            raise RefusedError(
                f"calling {name} would be {parent.depth + 1} hops deep; the limit of this tree is {parent.limits.depth}"
            )
        if len(data) > MAX_PAYLOAD_BYTES:
            raise RefusedError(
                f"the input of {name} has {len(data)} bytes; {MAX_PAYLOAD_BYTES} is the limit: pass a reference instead"
            )
        signed = sign_call(
            self.key,
            parent=parent,
            to=to,
            input_digest=digest(data),
            token_id=token_id,
            now=now,
            expires=now + limit.total_seconds(),
            idempotency_key=idempotency_key,
            limits=limits,
        )
        given = {key.lower(): value for key, value in headers.items()}
        merged = {name: value for name, value in given.items() if name not in PROOF} | signed
        if taken := sorted(RESERVED.intersection(merged)):
            raise RefusedError(f"a call to {name} cannot set the header {taken[0]!r}; Temporal does")
        for header, value in merged.items():
            if not NAME.fullmatch(header) or not VALUE.fullmatch(value):
                raise RefusedError(f"a call to {name} cannot have the header {header!r}: no such header can travel")
        # Temporal's tracing puts its context in later, when it would be too late to say that it is too much.
        if (size := headers_size({**merged, **trace_context()})) > MAX_HEADER_BYTES:
            raise RefusedError(f"the headers of the call to {name} have {size} bytes; {MAX_HEADER_BYTES} is the limit")
        return Signed(headers=merged, time_limit=limit)


def trace_context() -> dict[str, str]:
    """Return the headers that carry the trace which the code that runs now is part of."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier
