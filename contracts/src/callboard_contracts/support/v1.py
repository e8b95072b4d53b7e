"""Support, version 1: talks to the customer, and hands over to people.

Frozen once released. A change that would break a caller is a new `v2.py`.
"""

from datetime import timedelta
from typing import Annotated, Final

import nexusrpc
from pydantic import Field

from callboard_contracts import Assistance, Example, Goal, Message, promise
from callboard_contracts.conversations import (
    Answer,
    Closing,
    Conversations,
    Finding,
    Opened,
    Opening,
    Reading,
    Saying,
    Transcript,
    Withdrawal,
    Withdrawn,
)

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

    open: nexusrpc.Operation[Opening, Opened] = promise(
        kind="task",
        effect="write",
        idempotency="key:conversation",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        model_callable=False,
        examples=(
            Example(
                input={"conversation": "ada-monday", "while_busy": "enqueue"},
                output={"conversation": "ada-monday", "team": "support"},
            ),
        ),
    )
    """Open a conversation with the team's agent, which remembers what is said in it until it is closed.

    Opened twice, it is the same one. Refused when one of this name was closed before.
    """

    say: nexusrpc.Operation[Saying, Answer] = promise(
        kind="exchange",
        effect="irreversible",
        idempotency="key:message",
        latency=timedelta(seconds=60),
        longest=timedelta(hours=1),
        sensitive={"text": "words"},
        model_callable=False,
        examples=(
            Example(
                input={
                    "conversation": "ada-monday",
                    "message": "m-1",
                    "text": "I am Ada Smith, 80200. Where is my mug?",
                },
                output={
                    "conversation": "ada-monday",
                    "message": "m-1",
                    "text": "Your order #W1000001 with the mug has not been sent yet. Do you want to cancel it?",
                    "team": "support",
                    "deeds": [{"service": "orders.v1", "operation": "get_order_details", "outcome": "ok"}],
                    "usage": {"input_tokens": 3000, "output_tokens": 150, "model_calls": 4, "tool_calls": 2},
                },
            ),
        ),
    )
    """Say something in a conversation and get the answer.

    Refused when there is no such conversation, when it is closed, or when it is busy and was opened to refuse then.
    Whoever speaks needs the right to every effect that their words lead to.
    """

    withdraw: nexusrpc.Operation[Withdrawal, Withdrawn] = promise(
        kind="task",
        effect="write",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        model_callable=False,
        examples=(
            Example(
                input={"conversation": "ada-monday", "message": "m-1"},
                output={"message": "m-1", "state": "withdrawn"},
            ),
        ),
    )
    """Take back a message that waits or is being answered. The agent stops; what it has done stays done.

    Refused when there is no such conversation or message, or when the agent has heard it while it answered another.
    """

    list_conversations: nexusrpc.Operation[Finding, Conversations] = promise(
        kind="query",
        effect="read",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        model_callable=False,
        examples=(
            Example(
                input={"most": 1},
                output={
                    "found": [
                        {"conversation": "ada-monday", "state": "open", "opened": "2026-11-16T09:00:00Z"},
                    ]
                },
            ),
        ),
    )
    """List the conversations that whoever asks has opened. A new one is found after a moment."""

    history: nexusrpc.Operation[Reading, Transcript] = promise(
        kind="query",
        effect="read",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        sensitive={"said.text": "words", "said.answer": "words"},
        model_callable=False,
        examples=(
            Example(
                input={"conversation": "ada-monday", "last": 0},
                output={
                    "conversation": "ada-monday",
                    "state": "open",
                    "team": "support",
                    "busy": False,
                    "waiting": 0,
                    "messages": 1,
                    "opened": "2026-11-16T09:00:00Z",
                },
            ),
        ),
    )
    """Read how a conversation stands and what was said in it last."""

    close: nexusrpc.Operation[Closing, Transcript] = promise(
        kind="exchange",
        effect="write",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(hours=1),
        model_callable=False,
        examples=(
            Example(
                input={"conversation": "ada-monday", "reason": "settled"},
                output={
                    "conversation": "ada-monday",
                    "state": "closed",
                    "team": "support",
                    "busy": False,
                    "waiting": 0,
                    "messages": 1,
                    "opened": "2026-11-16T09:00:00Z",
                    "closed_because": "settled",
                },
            ),
        ),
    )
    """Close a conversation. What was said before is answered first; closed twice, it is closed."""
