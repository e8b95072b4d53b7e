"""A story: a run of a workflow, and what happened in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from callboard_registry_api.model import Outcome

Kind = Literal["model", "call", "approval", "activity", "lock", "wait", "guard", "told", "trouble", "stop"]
"""What happened: a model was asked, another team was called, a person was asked, the team's own code worked, it waited
for a lock or for a while, a guard spoke, something from outside came in, a worker could not go on, or an agent stopped
before its work was done."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run of a workflow that is part of a tree of calls."""

    namespace: str
    workflow_id: str
    run_id: str
    root: str
    team: str
    kind: str
    """The workflow's type."""

    token_id: str
    """The call that it answers; empty at a root."""

    caller: str
    service: str
    operation: str
    entity: str
    person: str
    started: datetime
    wordless: bool = False
    """Whether what is said in it is sensitive, by its contract."""

    ended: datetime | None = None
    outcome: Outcome = "started"
    reason: str = ""
    """Why it did not end well."""


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One thing that happened in a run."""

    number: int
    """Of the event that it began with."""

    kind: Kind
    at: datetime
    title: str
    ended: datetime | None = None
    outcome: str = ""
    """How it ended: an outcome, or what was decided. Empty while it goes on."""

    reason: str = ""
    token_id: str = ""
    """Of the call that was made; what the other side did of it is found by it."""

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    attempts: int = 1
    detail: Mapping[str, object] = field(default_factory=dict[str, object])
    """What else there is to show, by its kind; nothing that a contract calls sensitive, except words."""


@dataclass(frozen=True)
class Story:
    """A run, and what is newly known to have happened in it."""

    execution: Execution
    happenings: tuple[Happening, ...]

    @property
    def first_open(self) -> int | None:
        """The first event of what goes on; None when nothing does."""
        return min(
            (each.number for each in self.happenings if each.ended is None and each.kind != "told"), default=None
        )
