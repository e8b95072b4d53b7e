"""Talks to the registry: plain arguments in, plain records out, every call with a time limit.

    async with RegistryClient("127.0.0.1:7480") as registry:
        listing = await registry.get_listing("orders.v1")

Reading needs nothing else, unless the registry says so; then it needs one of the following too. What a team writes is
signed: pass `sign`. What the administrator does needs `administrator_token`. A registry that encrypts needs `tls`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Generic, TypeVar

from callboard_registry_api.audit import Audit, CallFilter, CallPage
from callboard_registry_api.batches import batches
from callboard_registry_api.budgets import BudgetsClient
from callboard_registry_api.builds import BuildsClient
from callboard_registry_api.connection import FIELD_METADATA, Connection, Sign, Tls, digest_of, signed_method
from callboard_registry_api.discovery import DiscoveryClient
from callboard_registry_api.errors import RegistryUnavailableError
from callboard_registry_api.health import HealthClient
from callboard_registry_api.model import (
    STATES,
    CallRecord,
    Change,
    FoundOperation,
    Invitation,
    Listing,
    Policy,
    PublicKey,
    State,
)
from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.verdicts import CompatibilityClient, Finding

__all__ = ["FIELD_METADATA", "CallPage", "Page", "RegistryClient", "Sign", "Tls"]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some of what there is, and where to go on."""

    items: tuple[Item, ...]
    next_page_token: str
    """Empty on the last page."""


class RegistryClient:
    """A connection to one registry. Close it, or use it with `async with`.

    Belongs to the event loop that is running when it is made. Connecting happens with the first call and again
    whenever the connection was lost; a call that meets no registry fails at once.

    Every method raises `RegistryUnavailableError` when there is no answer in time, and `RegistryRefusedError` when
    the answer is no.
    """

    def __init__(
        self,
        address: str,
        *,
        sign: Sign | None = None,
        administrator_token: str | None = None,
        timeout: timedelta = timedelta(seconds=5),
        tls: Tls | None = None,
    ) -> None:
        self._address = address
        self._connection = Connection(
            address, sign=sign, administrator_token=administrator_token, timeout=timeout, tls=tls
        )
        self.audit = Audit(self._connection)
        """Who called what, who calls whom, and what calls add up to."""
        self.discovery = DiscoveryClient(self._connection)
        self.health = HealthClient(self._connection)
        """What runs, and whether it is served."""
        self.compatibility = CompatibilityClient(self._connection)
        self.builds = BuildsClient(self._connection)
        self.budgets = BudgetsClient(self._connection)
        """What teams may spend, and what was spent."""
        """Which fingerprints the agents of each build have."""

    async def __aenter__(self) -> "RegistryClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; calls still running are cancelled."""
        await self._connection.close()

    async def publish_listing(self, document: bytes, *, validate_only: bool = False) -> Listing:
        """Publish a service's description (JSON) as a revision of its service; the same content twice is one.

        With `validate_only` everything is checked and nothing stored; returns what would have been published.
        """
        request = pb.PublishListingRequest(document=document, validate_only=validate_only)
        token = self._connection.signed(signed_method("PublishListing", validate_only=validate_only), document)
        response = await self._connection.call("PublishListing", request, pb.PublishListingResponse, token=token)
        return Listing.from_message(response.listing)

    async def get_listing(self, service: str, *, digest: str = "", states: Sequence[State] = ()) -> Listing:
        """Return the revision of `service` with this digest, or the newest one.

        Raises:
            RegistryNotFoundError: There is none (in one of `states`, when given).
        """
        request = pb.GetListingRequest(service=service, digest=digest, states=[STATES[state] for state in states])
        response = await self._connection.call("GetListing", request, pb.GetListingResponse)
        return Listing.from_message(response.listing)

    async def list_listings(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        team: str = "",
        states: Sequence[State] = (),
        all_revisions: bool = False,
        summary: bool = False,
    ) -> Page[Listing]:
        """Return one page of listings, ordered by service; with `summary` without their documents."""
        request = pb.ListListingsRequest(
            page_size=page_size,
            page_token=page_token,
            team=team,
            states=[STATES[state] for state in states],
            all_revisions=all_revisions,
            view=pb.LISTING_VIEW_SUMMARY if summary else pb.LISTING_VIEW_FULL,
        )
        response = await self._connection.call("ListListings", request, pb.ListListingsResponse)
        return Page(tuple(Listing.from_message(one) for one in response.listings), response.next_page_token)

    async def all_listings(
        self, *, team: str = "", states: Sequence[State] = (), all_revisions: bool = False, summary: bool = False
    ) -> AsyncIterator[Listing]:
        """Yield every listing, page by page."""
        token = ""
        while True:
            page = await self.list_listings(
                page_token=token, team=team, states=states, all_revisions=all_revisions, summary=summary
            )
            for listing in page.items:
                yield listing
            token = page.next_page_token
            if not token:
                return

    async def search(
        self,
        words: str = "",
        *,
        operation: str = "",
        field: str = "",
        effect: str = "",
        team: str = "",
        states: Sequence[State] = (),
        caller: str = "",
        for_models: bool = False,
        page_size: int = 0,
        page_token: str = "",
    ) -> Page[FoundOperation]:
        """Return one page of operations that fit, the best first; what is left empty does not matter.

        Args:
            words: What they say or are called; each may be the beginning of a word.
            operation: A part of the name.
            field: A field of the input or the output, at any depth.
            effect: `read`, `write` or `irreversible`.
            team: Who owns them.
            states: Where their listing stands; by default wherever calls are answered.
            caller: The team that must be allowed to call them.
            for_models: Only what a model may call.
            page_size: At most this many.
            page_token: From the page before.
        """
        request = pb.SearchOperationsRequest(
            words=words,
            operation=operation,
            field=field,
            effect=effect,
            team=team,
            states=[STATES[state] for state in states],
            caller=caller,
            for_models=for_models,
            page_size=page_size,
            page_token=page_token,
        )
        response = await self._connection.call("SearchOperations", request, pb.SearchOperationsResponse)
        return Page(tuple(FoundOperation.from_message(each) for each in response.operations), response.next_page_token)

    async def set_state(
        self,
        service: str,
        digest: str,
        state: State,
        *,
        etag: str = "",
        sunset: datetime | None = None,
        successor: str = "",
        reason: str = "",
        force: bool = False,
        override: bool = False,
    ) -> Listing:
        """Move a revision to another state: as the administrator with their token, else as the team that signs.

        Args:
            service: The service.
            digest: Which of its revisions.
            state: Where to.
            etag: Of the listing that was looked at; the move is refused when somebody moved it since. Empty: moved
                in any case.
            sunset: Until when a deprecated revision answers.
            successor: The service to use instead of one that goes. Empty keeps the one that was named before.
            reason: Why, for whoever reads the listing.
            force: Retire before the sunset, or although there are callers.
            override: Approve although it is not known whether it breaks callers; with a reason.
        """
        request = pb.SetStateRequest(
            service=service,
            digest=digest,
            state=STATES[state],
            etag=etag,
            sunset=sunset,
            successor=successor,
            reason=reason,
            force=force,
            override=override,
        )
        if self._connection.signs_as_team:
            signed = request.SerializeToString()
            request, token = pb.SetStateRequest(signed=signed), self._connection.signed("SetState", signed)
        else:
            token = self._connection.administrator("SetState")
        response = await self._connection.call("SetState", request, pb.SetStateResponse, token=token)
        return Listing.from_message(response.listing)

    async def publish_policy(self, team: str, document: bytes, *, validate_only: bool = False) -> Policy:
        """Publish the policy (JSON) of the team that signs; the one in force sent again stays the same version.

        With `validate_only` everything is checked and nothing stored; returns what would be in force.
        """
        request = pb.PublishPolicyRequest(team=team, document=document, validate_only=validate_only)
        token = self._connection.signed(signed_method("PublishPolicy", validate_only=validate_only), document)
        response = await self._connection.call("PublishPolicy", request, pb.PublishPolicyResponse, token=token)
        warnings = tuple(map(Finding.from_message, response.warnings))
        return replace(Policy.from_message(response.policy), warnings=warnings)

    async def get_policy(self, team: str, *, version: int = 0) -> Policy:
        """Return the policy of `team` that is in force, or an earlier version.

        Raises:
            RegistryNotFoundError: The team has published none.
        """
        request = pb.GetPolicyRequest(team=team, version=version)
        response = await self._connection.call("GetPolicy", request, pb.GetPolicyResponse)
        return Policy.from_message(response.policy)

    async def list_policies(self, *, page_size: int = 0, page_token: str = "") -> Page[Policy]:
        """Return one page of the policies in force, ordered by team."""
        request = pb.ListPoliciesRequest(page_size=page_size, page_token=page_token)
        response = await self._connection.call("ListPolicies", request, pb.ListPoliciesResponse)
        return Page(tuple(Policy.from_message(one) for one in response.policies), response.next_page_token)

    async def register_key(self, team: str, key_id: str, public_bytes: bytes) -> PublicKey:
        """Enrol a team's public key, as the administrator; the same key twice is one key."""
        request = pb.RegisterKeyRequest(team=team, key_id=key_id, public_bytes=public_bytes)
        response = await self._connection.call(
            "RegisterKey", request, pb.RegisterKeyResponse, token=self._connection.administrator("RegisterKey")
        )
        return PublicKey.from_message(response.key)

    async def invite_team(self, team: str, *, lifetime: timedelta = timedelta(hours=1)) -> Invitation:
        """Make a one-time code with which a team enrols its key itself, as the administrator."""
        request = pb.InviteTeamRequest(team=team, lifetime=lifetime)
        response = await self._connection.call(
            "InviteTeam", request, pb.InviteTeamResponse, token=self._connection.administrator("InviteTeam")
        )
        return Invitation(team=team, code=response.code, expires=response.expires.ToDatetime(tzinfo=UTC))

    async def enrol_key(self, team: str, key_id: str, public_bytes: bytes, *, code: str) -> PublicKey:
        """Enrol the key that this client signs with, by a one-time code from the administrator."""
        request = pb.EnrolKeyRequest(team=team, code=code, key_id=key_id, public_bytes=public_bytes)
        response = await self._connection.call(
            "EnrolKey", request, pb.EnrolKeyResponse, token=self._connection.signed("EnrolKey", public_bytes)
        )
        return PublicKey.from_message(response.key)

    async def rotate_key(
        self, team: str, key_id: str, public_bytes: bytes, *, sign: Sign, overlap: timedelta
    ) -> PublicKey:
        """Enrol a team's next key, signed for with the one that this client signs with.

        Args:
            team: Whose.
            key_id: Of the new key.
            public_bytes: Of the new key.
            sign: Signs with the new key.
            overlap: How long the old one is still good.
        """
        proof = sign("RotateKey", digest_of(public_bytes))
        signed = pb.RotateKeyRequest(
            team=team, key_id=key_id, public_bytes=public_bytes, overlap=overlap, proof=proof
        ).SerializeToString()
        response = await self._connection.call(
            "RotateKey",
            pb.RotateKeyRequest(signed=signed),
            pb.RotateKeyResponse,
            token=self._connection.signed("RotateKey", signed),
        )
        return PublicKey.from_message(response.key)

    async def revoke_key(self, team: str, key_id: str, *, reason: str = "") -> PublicKey:
        """Take a key back for ever: as the administrator with their token, else as its team, which signs."""
        request = pb.RevokeKeyRequest(team=team, key_id=key_id, reason=reason)
        if self._connection.signs_as_team:
            signed = request.SerializeToString()
            request, token = pb.RevokeKeyRequest(signed=signed), self._connection.signed("RevokeKey", signed)
        else:
            token = self._connection.administrator("RevokeKey")
        response = await self._connection.call("RevokeKey", request, pb.RevokeKeyResponse, token=token)
        return PublicKey.from_message(response.key)

    async def list_public_keys(self, *, team: str = "", past: bool = False) -> tuple[PublicKey, ...]:
        """Return every public key of one team, or of all; with `past` also those that prove nothing any more."""
        keys: list[PublicKey] = []
        token = ""
        while True:
            request = pb.ListPublicKeysRequest(team=team, page_token=token, past=past)
            response = await self._connection.call("ListPublicKeys", request, pb.ListPublicKeysResponse)
            keys.extend(PublicKey.from_message(one) for one in response.keys)
            token = response.next_page_token
            if not token:
                return tuple(keys)

    async def report_calls(self, records: Iterable[CallRecord]) -> int:
        """Report calls that the signing team answered or made, and return how many records were new.

        Sends as many batches as it takes. Texts beyond 1000 characters are cut, so that one call with a
        long entity does not keep the others from being known.
        """
        kept = 0
        for batch in batches(records):
            response = await self._connection.call(
                "ReportCalls",
                pb.ReportCallsRequest(batch=batch),
                pb.ReportCallsResponse,
                token=self._connection.signed("ReportCalls", batch),
            )
            kept += response.kept
        return kept

    async def list_calls(self, *, root: str = "", after: str = "", page_size: int = 0) -> CallPage:
        """Return call records of one tree, or of all, that arrived after a cursor."""
        return await self.audit.calls(CallFilter(root=root), after=after, page_size=page_size)

    async def watch(self, *, after: str = "", team: str = "", only_new: bool = False) -> AsyncGenerator[Change]:
        """Yield every change of listings, policies and keys as it happens, behind the change with the cursor `after`.

        Goes on until the registry is not there any more. Then watch again, `after` the last change that was seen:
        nothing is missed, and nothing comes twice.

        Args:
            after: Where to go on. Empty: with the oldest change.
            team: Only what belongs to this team.
            only_new: Start with the next change instead of the oldest.
        """
        request = pb.WatchChangesRequest(after=after, team=team, only_new=only_new)
        async with aclosing(self._connection.stream("WatchChanges", request, pb.WatchChangesResponse)) as stream:
            async for response in stream:
                for change in response.changes:
                    yield Change.from_message(change)
        raise RegistryUnavailableError(f"the registry at {self._address!r} is going; watch on when it is back")
