"""The contract that is called in the benchmarks: the size of a real one, and as little work as possible behind it.

The less the work, the more every cost of the mesh shows.
"""

from datetime import timedelta
from functools import cache
from typing import Final

import nexusrpc

from callboard_contracts import Message, promise


class Question(Message):
    """Which parcel is meant: some hundred bytes."""

    parcel_id: str
    """The parcel's id, for instance `#P0000017`."""

    wish: str
    """What is wanted of it, in words."""


class Piece(Message):
    """One thing in a parcel."""

    item_id: str
    """The item's id."""

    name: str
    """What it is called."""

    options: dict[str, str]
    """The options it was chosen with, by name."""

    price: float
    """US dollars."""


class Parcel(Message):
    """A parcel and what is in it: about a thousand bytes."""

    parcel_id: str
    """The parcel's id."""

    status: str
    """How far it is."""

    pieces: tuple[Piece, ...]
    """What is in it."""


HOLD: Final = "settle it, but not before you are told to go on"
"""A wish that keeps whoever settles a parcel at it until they are told."""


def question(number: int, *, hold: bool = False) -> Question:
    """Return one of many questions, all of one size but for those that hold."""
    wish = HOLD if hold else "say how far it is and what is in it, down to the last piece"
    return Question(parcel_id=f"#P{number:07}", wish=wish)


def answer(asked: Question) -> Parcel:
    """Return what every handler answers."""
    return Parcel(
        parcel_id=asked.parcel_id,
        status="delivered",
        pieces=tuple(
            Piece(
                item_id=f"{asked.parcel_id}-{place}",
                name="Mechanical keyboard",
                options={"switch type": "clicky", "backlight": "RGB", "size": "full size"},
                price=164.25 + place,
            )
            for place in range(6)
        ),
    )


@cache
def desk(team: str) -> type:
    """Return the service class of one team, `<team>.v1` on the wire."""

    class Desk:
        """A desk that knows parcels."""

        look: nexusrpc.Operation[Question, Parcel] = promise(
            kind="query",
            effect="read",
            entity="parcel_id",
            latency=timedelta(seconds=1),
            longest=timedelta(seconds=60),
        )
        """Say what is in a parcel, at once."""

        settle: nexusrpc.Operation[Question, Parcel] = promise(
            kind="task",
            effect="write",
            latency=timedelta(seconds=5),
            longest=timedelta(minutes=2),
        )
        """Settle what is open about a parcel, as a workflow."""

        settle_alone: nexusrpc.Operation[Question, Parcel] = promise(
            kind="task",
            effect="write",
            entity="parcel_id",
            latency=timedelta(seconds=5),
            longest=timedelta(minutes=5),
        )
        """The same, while nobody else changes the parcel."""

    return nexusrpc.service(name=f"{team}.v1")(Desk)
