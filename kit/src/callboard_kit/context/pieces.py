"""What a context is made of: pieces, each of a source, and a record of what became of every source."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from callboard_contracts import Message
from callboard_kit.messages import KitMessage

Fetched = Literal["ok", "empty", "late", "refused", "unavailable", "failed", "skipped"]
"""How fetching from a source went. `empty`: it has nothing. `late`: its deadline passed. `skipped`: it was not asked,
since it does not apply to this run."""

MISSING: Final = frozenset({"late", "refused", "unavailable", "failed"})
"""Of these, the model is told that something is missing."""

Dropped = Literal["filtered", "outdated", "repeated", "surplus", "budget"]
"""Why a piece was not given to the model. `outdated`: its time is over. `repeated`: another one says the same.
`surplus`: more than the source may give. `budget`: there was no room left."""


class Looking(KitMessage):
    """What a context is prepared for: what sources are asked with, and what pieces are ranked by."""

    goal: str
    """What is wanted, in the words of whoever asks. Untrusted."""

    agent: str
    """The agent that is to work on it."""

    team: str = ""
    """Its team."""

    person: str | None = None
    """Whom it works for. None: nobody in particular."""

    now: datetime
    """When it is prepared."""


class Piece(Message):
    """One thing to know. What it says is data to the model, never an instruction."""

    id: Annotated[str, Field(max_length=200)] = ""
    """What the source calls it. Empty: it has no name."""

    content: JsonValue
    """What it says: words, or a document."""

    at: datetime | None = None
    """When it was so. None: nobody knows."""

    until: datetime | None = None
    """From when on it does not count any more. None: it does not end."""

    relevance: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much it has to do with the goal, as its source sees it. None: its words are compared with the goal's."""


class Found(KitMessage):
    """What a source has, best first."""

    pieces: tuple[Piece, ...] = ()


class Chosen(KitMessage):
    """A piece that is given to the model."""

    source: str
    """The source it is of."""

    piece: Piece
    """What it says."""


class Context(KitMessage):
    """What the model is given to know: the pieces, best first, and what is missing."""

    chosen: tuple[Chosen, ...] = ()
    """The pieces, best first."""

    missing: Mapping[str, Fetched] = {}
    """The sources of which nothing came though something should have, and why."""


class SourceRecord(KitMessage):
    """What became of one source."""

    source: str
    """What it is called."""

    at: datetime
    """When it was asked."""

    seconds: float = 0.0
    """How long it took to answer, or to be given up."""

    fetched: Fetched
    """How that went."""

    found: int = 0
    """Pieces that came."""

    kept: int = 0
    """Pieces that the model was given."""

    dropped: Mapping[Dropped, int] = {}
    """Pieces that it was not given, by the reason. With `kept` they add up to `found`."""

    tokens: int = 0
    """What the pieces it was given take, at most."""

    error: str = ""
    """Why it failed."""


class Prepared(KitMessage):
    """A context as it is given to a model, and where it is from."""

    context: Context = Context()
    """What the model is given to know."""

    text: str = ""
    """The same as the model reads it. Empty: there is nothing to know, and nothing is missing."""

    tokens: int = 0
    """What the text takes, at most."""

    sources: tuple[SourceRecord, ...] = ()
    """What became of each source, in the plan's order."""

    calls: int = 0
    """Operations that were called for it."""
