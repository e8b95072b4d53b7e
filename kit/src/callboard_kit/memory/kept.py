"""What is remembered, for whom, and for how long."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field

from callboard_contracts import RefusedError
from callboard_kit import mesh
from callboard_kit.messages import KitMessage

Kind = Literal["fact", "preference", "decision"]
"""What is remembered."""

Whose = Literal["person", "team", "agent"]
"""Whose memory it is in: that of one person, of the whole team, or of one agent of the team."""

LIFETIMES: Final[Mapping[Kind, timedelta]] = MappingProxyType(
    {"fact": timedelta(days=180), "preference": timedelta(days=365), "decision": timedelta(days=90)}
)
"""How long something is remembered, where nobody says."""

LONGEST_LIFE: Final = timedelta(days=730)
"""How long something may be remembered."""

LONGEST_TEXT: Final = 1_000
"""Characters of one memory."""

TEAM: Final = "team"
"""The scope that all of a team's agents share."""

_ID_LENGTH: Final = 16


class Memory(KitMessage):
    """One thing that is remembered."""

    id: str
    """What it is called; forgetting takes it."""

    scope: str
    """Whose memory it is in, as `scope_of` has it. A person stands there as a digest."""

    kind: Kind
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    """What is remembered. Untrusted: a model wrote it down, after what somebody said."""

    about: str = ""
    """Whom it is about: the person's digest, `:`, and the team that vouches for who they are. Empty: nobody."""

    by: str
    """Who wrote it down: `orders/assistant`, a team and its agent."""

    at: datetime
    until: datetime
    """When it is forgotten by itself."""


class Forgotten(KitMessage):
    """That something was forgotten, and nothing of what it said."""

    ids: tuple[str, ...]
    """What was forgotten, by id. Empty: there was nothing."""

    scope: str
    """Whose memory it was in."""

    by: str
    """Who wanted that: `orders/assistant for ada`, `operator root`."""

    at: datetime
    why: str = ""


class Owner(KitMessage):
    """Whose memory is meant, where a workflow or a command asks."""

    scope: str
    about: str = ""
    """Whom what is written down there is about."""


def digest_of(person: str) -> str:
    """Return what stands for a person in keys and records; their name does not stand there."""
    return hashlib.sha256(f"callboard-person\n{person}".encode()).hexdigest()[:24]


def scope_of(whose: Whose, *, agent: str) -> Owner:
    """Return whose memory is meant in the call at hand.

    A person's memory belongs to the person and to the team at whose client they showed who they are: a team that
    starts a tree may name anybody, and gets at nothing that was remembered for another team's clients.

    Raises:
        RefusedError: The call is for nobody in particular.
    """
    call = mesh.current()
    voucher = call.teams[0] if call.teams else call.team
    about = "" if call.person is None else f"{digest_of(call.person)}:{voucher}"
    match whose:
        case "person":
            if not about:
                raise RefusedError("this is done for nobody in particular, so there is no person's memory")
            return Owner(scope=f"person:{about}", about=about)
        case "team":
            return Owner(scope=TEAM, about=about)
        case "agent":
            return Owner(scope=f"agent:{agent}", about=about)


def is_about(memory: Memory, about: str) -> bool:
    """Tell whether it is about somebody: a digest means them whoever vouches, with a team after it with that team."""
    return memory.about == about or memory.about.partition(":")[0] == about


def lifetime_of(kind: Kind, days: int | None) -> timedelta:
    """Return how long something is remembered."""
    return LIFETIMES[kind] if days is None else min(timedelta(days=days), LONGEST_LIFE)


def id_of(seed: str) -> str:
    """Return the id of what is remembered by one attempt or many of the same activity."""
    return hashlib.sha256(seed.encode()).hexdigest()[:_ID_LENGTH]
