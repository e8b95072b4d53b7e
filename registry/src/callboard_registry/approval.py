"""Approval without a person: for a revision that provably breaks nobody, of a team that is trusted with that."""

from collections.abc import Collection
from typing import Final

from callboard_registry.catalog import Catalog
from callboard_registry.gate.deciding import Judgement, OvertakenError
from callboard_registry.life import Author, Move
from callboard_registry.refusals import Refusal
from callboard_registry_api.model import Listing

EVERY_TEAM: Final = "*"

_REGISTRY: Final = Author(team=None, automatic=True)


class Approval:
    """Decides which new revisions need no person. The first revision of a service always does."""

    def __init__(self, catalog: Catalog, *, teams: Collection[str]) -> None:
        self._catalog = catalog
        self._teams = frozenset(teams)

    def may_approve(self, listing: Listing) -> bool:
        """Tell whether `move` is worth asking; reads nothing."""
        return not self._teams.isdisjoint((listing.team, EVERY_TEAM)) and _untouched(listing)

    def move(self, listing: Listing) -> Move | None:
        """Return the move that approves `listing`; None when a person must decide.

        That is so when anybody might miss something by it, or when there was nothing in force to compare it with.
        """
        if not self.may_approve(listing):
            return None
        verdict = listing.verdict
        if verdict is None or verdict.answer != "compatible" or verdict.warnings or not verdict.bases:
            return None
        held = self._catalog.find(listing.service, digest=verdict.bases[0])
        reason = f"compatible with revision {held.revision if held else verdict.bases[0]}"
        return Move(service=listing.service, digest=listing.digest, state="approved", etag=listing.etag, reason=reason)

    def make(self, move: Move, judgement: Judgement | None) -> Listing | None:
        """Make this move; None when somebody was faster, whose decision stands."""
        try:
            return self._catalog.move(move, _REGISTRY, judgement=judgement)
        except (Refusal, OvertakenError):
            return None


def _untouched(listing: Listing) -> bool:
    # What a person has sent back is not approved behind their back when its worker starts again.
    return listing.state == "draft" and listing.etag == "e1"
