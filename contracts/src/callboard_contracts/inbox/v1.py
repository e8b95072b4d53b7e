"""Inbox, version 1: have a person decide whether something may happen.

One inbox for the whole mesh: whatever team asks, and however deep in a tree of calls, the question is found in one
place. Who asks, along which chain and for whom is not said in the question: the call proves it.

Frozen once released. A change that would break a caller is a new `v2.py`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal

import nexusrpc
from pydantic import Field

from callboard_contracts import Effect, Example, Message, promise

ENDPOINT: Final = "inbox"
"""The Nexus endpoint that serves every version of this service."""

Approvers = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(min_length=1)]
"""Who may answer: persons by name, `role:finance` for everyone in a role, `*` for every person who may answer."""

Seconds = Annotated[float, Field(gt=0, le=30 * 24 * 3600)]
"""How long a question waits for an answer. At most 30 days."""


class Escalation(Message):
    """Whom to ask when nobody answered in time, and how long they have."""

    approvers: Approvers
    """Who may answer then."""

    patience_seconds: Seconds
    """How long the question waits for them."""


class Question(Message):
    """Something that is to happen only if a person agrees."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    """The asker's name for this question. It never asks two by the same name."""

    agent: Annotated[str, Field(max_length=200)] = ""
    """Who of the asking team wants it: an agent, or the operation that was called. Empty: the team itself."""

    service: Annotated[str, Field(min_length=1, max_length=200)]
    """Whose operation is to be called, `billing.v1` for instance; `local` for a tool of the agent's own."""

    operation: Annotated[str, Field(min_length=1, max_length=200)]
    """What is to be called."""

    arguments: Mapping[str, object] = {}
    """With what. The asker has put a mask in the place of sensitive values."""

    effect: Effect
    """What the operation changes, at most."""

    words: Annotated[str, Field(max_length=4000)] = ""
    """Why, in the model's own words; the beginning of them when they are many. Empty: it said nothing."""

    rule: Annotated[str, Field(max_length=200)]
    """The rule that demands an answer."""

    reason: Annotated[str, Field(max_length=1000)] = ""
    """Why the rule applies here. Empty: it always does."""

    approvers: Approvers
    """Who may answer."""

    patience_seconds: Seconds
    """How long it waits for an answer."""

    then: Literal["refuse", "escalate", "proceed"] = "refuse"
    """What happens when nobody answers in time: nothing, others are asked (`escalation`), or it happens anyway."""

    escalation: Escalation | None = None
    """Whom to ask then. Absent unless `then` is `escalate`."""


class Verdict(Message):
    """How a question ended."""

    gate: str
    """The inbox's name for it: `gate-<asking team>-<hash>`."""

    outcome: Literal["approved", "refused", "expired"]
    """A person agreed, a person did not, or nobody answered in time."""

    person: str | None = None
    """Who answered. Absent when nobody did."""

    reason: str = ""
    """What they said about it. May be empty."""

    remember: bool = False
    """Whether the answer is meant for everything of the kind that the same run asks for."""

    statement: str = ""
    """The person's own signed words, for the asker to check. Empty when nobody answered."""


@nexusrpc.service(name="inbox.v1")
class Inbox:
    """Puts questions before persons, and brings their answers back."""

    ask: nexusrpc.Operation[Question, Verdict] = promise(
        kind="task",
        effect="write",
        latency=timedelta(hours=1),
        longest=timedelta(days=61),
        sensitive={"arguments": "words", "words": "words", "reason": "words"},
        model_callable=False,
        examples=(
            Example(
                input={
                    "id": "0f9a6a0e:3",
                    "agent": "orders",
                    "service": "billing.v1",
                    "operation": "refund",
                    "arguments": {"user_id": "ada_smith_1234", "payment_method_id": "(payment)", "amount": 812.5},
                    "effect": "irreversible",
                    "words": "The customer cancelled the order, so what was paid goes back.",
                    "rule": "large-refunds",
                    "reason": "amount is 812.5, above 500",
                    "approvers": ["role:finance"],
                    "patience_seconds": 3600,
                },
                output={
                    "gate": "gate-orders-5d41402abc4b2a76b9719d91",
                    "outcome": "approved",
                    "person": "grace@example.com",
                    "reason": "matches the cancellation",
                    "statement": "eyJhbGciOiJFZDI1NTE5In0.e30.c2ln",
                },
            ),
        ),
    )
    """Ask, and wait for the answer or for the end of the question's time.

    Cancelling the call takes the question back. What the answer counts for is the asker's to judge: the statement
    proves who gave it.
    """
