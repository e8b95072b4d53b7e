"""Approval without a person: for a revision that provably breaks nobody, of a team that is trusted with that."""

from collections.abc import Collection
from typing import Final

from callboard_contracts import ServiceDescription
from callboard_registry.catalog import Catalog
from callboard_registry.compatibility import Answer, Budget, compare_listings
from callboard_registry.life import Author, Move
from callboard_registry.refusals import Refusal
from callboard_registry_api.model import Listing

EVERY_TEAM: Final = "*"

_BUDGET: Final = Budget(seconds=1.0)
"""For each schema. What takes longer waits for a person."""

_REGISTRY: Final = Author(team=None, automatic=True)


class Approval:
    """Decides which new revisions need no person. The first revision of a service always does."""

    def __init__(self, catalog: Catalog, *, teams: Collection[str]) -> None:
        self._catalog = catalog
        self._teams = frozenset(teams)

    def move(self, listing: Listing) -> Move | None:
        """Return the move that approves `listing`; None when a person must decide.

        It is compared with the newest approved revision, or with the newest deprecated one when none is approved.
        """
        if self._teams.isdisjoint((listing.team, EVERY_TEAM)) or not _untouched(listing):
            return None
        held = self._catalog.find(listing.service, states=("approved",))
        held = held or self._catalog.find(listing.service, states=("deprecated",))
        if held is None:
            return None
        before, after = (ServiceDescription.model_validate_json(each.document) for each in (held, listing))
        if compare_listings(before, after, _BUDGET).answer is not Answer.COMPATIBLE:
            return None
        reason = f"compatible with revision {held.number}"
        return Move(service=listing.service, digest=listing.digest, state="approved", etag=listing.etag, reason=reason)

    def make(self, move: Move) -> Listing | None:
        """Make this move; None when somebody was faster, whose decision stands."""
        try:
            return self._catalog.move(move, _REGISTRY)
        except Refusal:
            return None


def _untouched(listing: Listing) -> bool:
    # What a person has sent back is not approved behind their back when its worker starts again.
    return listing.state == "draft" and listing.etag == "e1"
