"""What the inbox says to whoever looks into it. Not a contract: only its own clients hear it."""

from datetime import datetime
from typing import Literal

from callboard_contracts import Message
from callboard_contracts.inbox import v1 as inbox
from callboard_kit.approvals.answers import accepted_answer

State = Literal["waiting", "approved", "refused", "expired", "withdrawn"]
"""Where a question stands. `withdrawn`: whoever asked does not want to know any more."""


class Asked(Message):
    """A question as it lies in the inbox."""

    gate: str
    """The inbox's name for it: what an answer is addressed to."""

    root: str
    """The id of the tree of calls in which it came up."""

    team: str
    """The team that asks."""

    chain: tuple[str, ...]
    """The teams from the root of the tree down to the one that asks."""

    person: str | None = None
    """Whom the tree acts for."""

    question: inbox.Question
    """What is asked."""

    at: datetime
    """When it was asked."""

    until: datetime
    """When it ends if nobody answers; after an escalation, when that ends."""

    approvers: tuple[str, ...]
    """Who may answer now."""

    escalated: bool = False
    """Whether those asked first did not answer in time."""


class Found(Message):
    """A question, and where it stands."""

    asked: Asked
    state: State = "waiting"
    verdict: inbox.Verdict | None = None
    """How it ended. Absent while it waits, and when it was withdrawn."""


class Answering(Message):
    """An answer on its way in: a person's signed words, and what they say."""

    statement: str
    """A person's signed words about the question, by `sign_answer`."""

    person: str
    """Whose words they are."""

    approve: bool
    """Whether it may happen."""

    remember: bool = False
    """Whether it is meant for everything of the kind that the same run asks for."""

    reason: str = ""
    """What the person says about it."""

    @classmethod
    def of(cls, statement: str) -> "Answering":
        """Return what a statement says. Whether it is good is for the gate to check.

        Raises:
            InvalidTokenError: It is none.
        """
        said = accepted_answer(statement)
        return cls(
            statement=statement,
            person=said.person.name,
            approve=said.approve,
            remember=said.remember,
            reason=said.reason,
        )
