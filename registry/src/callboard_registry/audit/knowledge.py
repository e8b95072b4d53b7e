"""What the registry knows that makes records of events: keys, contracts, policies, and which team has which name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import select

from callboard_contracts import Promise, ServiceDescription
from callboard_kit.discretion import discreet, entity_of
from callboard_kit.identity import VerifyingKey
from callboard_kit.policy import Policy
from callboard_kit.settings import Settings
from callboard_kit.tokens import LONGEST_TEXT, Call
from callboard_registry.database import Database
from callboard_registry.tables import keys, listings, policies, texts

_CANARY: Final = "-canary"


@dataclass(frozen=True)
class _Revision:
    digest: str
    created: datetime
    document: bytes


class Knowledge:
    """One look at the registry: enough to understand what Temporal's histories say."""

    def __init__(self, database: Database, members: Settings) -> None:
        self._members = members
        by_service = select(listings.c.service, listings.c.digest, listings.c.created, texts.c.document).join(
            texts,
            (texts.c.service == listings.c.service)
            & (texts.c.digest == listings.c.digest)
            & (texts.c.text_digest == listings.c.text_digest),
        )
        with database.reading() as connection:
            held = connection.execute(select(keys.c.team, keys.c.key_id, keys.c.public_bytes)).all()
            described = connection.execute(by_service.order_by(listings.c.created)).all()
            ruled = connection.execute(
                select(policies.c.team, policies.c.created, policies.c.document).order_by(policies.c.version)
            ).all()
        # Those that are good no more too: what they signed when they were good is still so.
        self._keys = {
            (team, key_id): VerifyingKey(team=team, key_id=key_id, public_bytes=data) for team, key_id, data in held
        }
        self._revisions: dict[str, list[_Revision]] = {}
        for service, digest, created, document in described:
            self._revisions.setdefault(service, []).append(_Revision(digest, created, document))
        self._policies: dict[str, list[tuple[datetime, bytes]]] = {}
        for team, created, document in ruled:
            self._policies.setdefault(team, []).append((created, document))
        self._endpoints = {members.physical(team): team for team in self.teams}

    @property
    def teams(self) -> list[str]:
        """Every team with a key, in order: those are the members of the mesh."""
        return sorted({team for team, _ in self._keys})

    def namespace(self, team: str) -> str:
        """Return the physical namespace of a team."""
        return self._members.namespace(team)

    def endpoint(self, physical: str) -> str:
        """Return the logical name of an endpoint; one that is none of a member's keeps its own."""
        canary = physical.endswith(_CANARY)
        team = self._endpoints.get(physical.removesuffix(_CANARY) if canary else physical)
        return physical if team is None else team

    def find_key(self, team: str, key_id: str) -> VerifyingKey | None:
        """Return a key that the registry vouches for or has vouched for."""
        return self._keys.get((team, key_id))

    def revision(self, service: str, at: datetime) -> str:
        """Return the digest of what was served then, where only one revision can have been; else nothing."""
        then = [each for each in self._revisions.get(service, ()) if each.created <= at]
        return then[0].digest if len(then) == 1 else ""

    def promise(self, service: str, operation: str, *, digest: str = "") -> Promise | None:
        """Return what an operation promises in a revision, or in the newest; None for one that nobody published."""
        held = self._revisions.get(service, [])
        chosen = [each for each in held if each.digest == digest] or held[-1:]
        return _promises(chosen[0].document).get(operation) if chosen else None

    def rule(self, call: Call, promise: Promise | None, at: datetime) -> str:
        """Return the name of the rule that let a call in, by the policy that was in force then."""
        then = [document for created, document in self._policies.get(call.team, ()) if created <= at]
        if not then or promise is None or call.address is None:
            return ""
        address, policy = call.address, _policy(then[-1])
        return policy.judge(
            service=address.service, operation=address.operation, effect=promise.effect, chain=call.teams
        ).rule


def entity(promise: Promise | None, data: bytes) -> str:
    """Return what an input names, as records show it."""
    return "" if promise is None else entity_of(promise, data, longest=LONGEST_TEXT)


def words(text: str, promise: Promise | None, data: bytes) -> str:
    """Return a text without the sensitive values of an input."""
    return text if promise is None else discreet(text, promise, data)


@lru_cache(maxsize=1000)
def _promises(document: bytes) -> Mapping[str, Promise]:
    return {each.name: each.promise for each in ServiceDescription.model_validate_json(document).operations}


@lru_cache(maxsize=1000)
def _policy(document: bytes) -> Policy:
    return Policy.model_validate_json(document)
