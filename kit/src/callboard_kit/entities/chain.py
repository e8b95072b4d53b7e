"""What a chain of tokens proves about locks: who stands above a call, and what they hold while they wait for it."""

from typing import Final, cast

from callboard_kit.identity import InvalidTokenError, digest, unchecked
from callboard_kit.tokens import HELD, Call, Held

_LINK: Final = 16
"""Characters of a link's digest: 96 bits, of a signature that nobody can choose."""


def link_of(call: Call, depth: int | None = None) -> str:
    """Return what names a link of the call's chain: its own, or the one at `depth`. Empty at a root."""
    links = call.chain if depth is None else call.chain[:depth]
    return digest(links[-1].encode())[:_LINK] if links else ""


def held_along(call: Call) -> list[tuple[str, Held]]:
    """Return the locks that are held above this call by those who wait for it, each with the team that says so.

    Only what a team says of its own locks counts, and that is all that a link can say.
    """
    found: list[tuple[str, Held]] = []
    for team, link in zip(call.teams, call.chain, strict=True):
        try:
            claim = unchecked(link).get(HELD)
        except InvalidTokenError:
            continue  # Tokens are left out of recorded histories.
        for entry in cast("list[object]", claim) if isinstance(claim, list) else ():
            match entry:
                case [str(name), str(holder)]:
                    found.append((team, Held(name, holder)))
                case _:
                    continue
    return found
