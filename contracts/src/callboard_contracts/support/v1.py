"""Support, version 1: talks to the customer, and hands over to people.

Frozen once released. A change that would break a caller is a new `v2.py`.
"""

from datetime import timedelta
from typing import Annotated, Final

import nexusrpc
from pydantic import Field

from callboard_contracts import Assistance, Example, Goal, Message, promise

ENDPOINT: Final = "support"
"""The Nexus endpoint that serves every version of this service."""


class Calculation(Message):
    """Something to work out."""

    expression: Annotated[str, Field(min_length=1, max_length=1000)]
    """An expression of numbers, `+ - * /`, parentheses and spaces, for instance `3131.1 + 4777.75`."""


class CalculationResult(Message):
    """What came out."""

    result: str
    """The number in decimal notation, rounded to two places, for instance `8276.23`."""


class Handover(Message):
    """A case that a person has to take over."""

    summary: Annotated[str, Field(min_length=1, max_length=4000)]
    """What the customer wants and why it could not be done, for the person who takes over."""


class HandoverReceipt(Message):
    """Proof that a person will take over."""

    message: str
    """What to tell the customer."""


@nexusrpc.service(name="support.v1")
class Support:
    """Talks to the customer, and hands over to people what no agent may decide."""

    calculate: nexusrpc.Operation[Calculation, CalculationResult] = promise(
        kind="query",
        effect="read",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        examples=(Example(input={"expression": "12.5 + 3 * 4"}, output={"result": "24.5"}),),
    )
    """Work out an expression of numbers. Refused when it is not one, or when it divides by zero."""

    transfer_to_human_agents: nexusrpc.Operation[Handover, HandoverReceipt] = promise(
        kind="task",
        effect="write",
        latency=timedelta(seconds=2),
        longest=timedelta(minutes=5),
        sensitive={"summary": "words"},
        examples=(
            Example(
                input={"summary": "The customer wants a refund to somebody else's card, which no agent may do."},
                output={"message": "Transfer successful"},
            ),
        ),
    )
    """Hand the customer over to a person, with a summary of the case.

    Only when the customer asks for a person, or wants what no other operation can do.
    """

    assist: nexusrpc.Operation[Goal, Assistance] = promise(
        kind="agent",
        effect="irreversible",
        latency=timedelta(seconds=60),
        longest=timedelta(minutes=15),
        sensitive={"goal": "words", "facts": "words", "answer": "words"},
        examples=(
            Example(
                input={"goal": "I am Ada Smith, 80200. Where is my mug?"},
                output={
                    "answer": "Your order #W1000001 with the mug has not been sent yet.",
                    "deeds": [
                        {"service": "customers.v1", "operation": "find_user_id_by_name_zip", "outcome": "ok"},
                        {"service": "orders.v1", "operation": "assist", "outcome": "ok"},
                    ],
                    "usage": {"input_tokens": 3000, "output_tokens": 150, "model_calls": 4, "tool_calls": 2},
                },
            ),
        ),
    )
    """Settle what a customer asks for in their own words, with the other teams' help.

    Whoever asks needs the right to every effect that the goal leads to.
    """
