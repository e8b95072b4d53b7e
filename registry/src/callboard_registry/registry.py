"""What the registry does for those who ask, whichever way they ask: the gRPC and the HTTP side both stand on this."""

import asyncio
import difflib
import hashlib
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from callboard_kit.identity import VerifyingKey
from callboard_registry.access import Proving, proved_team
from callboard_registry.adding import Entry
from callboard_registry.answers import Answers
from callboard_registry.approval import Approval
from callboard_registry.auditing import Auditing
from callboard_registry.budgets.service import BudgetService
from callboard_registry.builds import Builds
from callboard_registry.catalog import Catalog, ListingFilter
from callboard_registry.changes import ADMINISTRATOR
from callboard_registry.consumers import Consumers
from callboard_registry.database import Database
from callboard_registry.discovery import Discovery
from callboard_registry.documents import ListingDocument, listing_document, policy_document, require_team
from callboard_registry.gate.deciding import Judgement, OvertakenError
from callboard_registry.gate.gate import Comparison, Gate
from callboard_registry.gate.levels import Levels
from callboard_registry.gate.policies import Narrowing
from callboard_registry.health.service import Health
from callboard_registry.keyring import Keyring
from callboard_registry.ledger.service import SpendingService
from callboard_registry.life import Author, Move, require_reason
from callboard_registry.overview import Overview
from callboard_registry.paging import page_size, position_of, token_at
from callboard_registry.policies import Policies, StaleError
from callboard_registry.refusals import Refusal
from callboard_registry.search import index_missing
from callboard_registry.signin.keeping import Keeping
from callboard_registry.threads import Result, Threads
from callboard_registry.together import Together
from callboard_registry.watching import Retention, Watching
from callboard_registry_api.client import Page
from callboard_registry_api.connection import signed_method
from callboard_registry_api.model import Invitation, Listing, Policy, PublicKey, State
from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.verdicts import Verdict

_LIVE: Final = timedelta(days=7)
_ATTEMPTS: Final = 5
"""How often a revision is judged when others come into force in the meantime."""
_NEXT_STEP: Final = "`callboard catalog list` shows what there is"


class Registry:
    """Keys, listings, policies and call records, and who may change them.

    Tokens are those of the `authorization` header, None when there was none. Every method raises `Refusal` for what
    it does not grant. The database is worked in threads, so that the event loop stays free: several may read, and one
    writes, so that writers queue here instead of in SQLite.
    """

    def __init__(
        self,
        database: Database,
        *,
        administrator_token: str,
        approvers: Collection[str] = (),
        approved_when_compatible: Collection[str] = (),
        levels: Levels | None = None,
        watchers: int = 1000,
        retention: Retention | None = None,
        reading_needs_token: bool = False,
    ) -> None:
        self._database = database
        self._approvers = frozenset(approvers)
        self._keyring = Keyring(database)
        self.proving = Proving(self._keyring, administrator_token=administrator_token)
        self._catalog = Catalog(database)
        self._consumers = Consumers(database)
        self._gate = Gate(self._catalog, levels or Levels(), self._consumers)
        self._approval = Approval(self._catalog, teams=approved_when_compatible)
        self._policies = Policies(database)
        self._narrowing = Narrowing(self._policies, self._catalog)
        self._approving = asyncio.Lock()
        self.threads = Threads()
        self._adding = Together(self.threads, self._catalog.add_together, after=self._tell)
        self.watching = Watching(database, self.threads, most=watchers, retention=retention)
        self.discovery = Discovery(database, self.threads, proving=self.proving if reading_needs_token else None)
        self.listings_told = Answers[pb.GetListingResponse]()
        self.auditing = Auditing(database, proving=self.proving, threads=self.threads)
        self.health = Health(database, threads=self.threads, proving=self.proving)
        self.budgets = BudgetService(database, proving=self.proving, threads=self.threads)
        self.spending = SpendingService(database, proving=self.proving, threads=self.threads)
        self.builds = Builds(database, threads=self.threads, proving=self.proving)
        self.signed_in = Keeping(database, self.threads)
        self.overview = Overview(database, threads=self.threads)

    def prepare(self) -> None:
        """Do what an earlier registry on this database has left to do; call once, before anything else."""
        index_missing(self._database)

    def close(self) -> None:
        """Finish what is being written and close the database."""
        self.threads.close()
        self._database.close()

    async def check(self) -> None:
        """Raise `sqlalchemy.exc.OperationalError` if the database does not answer."""
        await self.threads.read(self._database.check)

    # Listings

    async def publish_listing(
        self, document: bytes, *, token: str | None, validate_only: bool = False
    ) -> tuple[Listing, bool]:
        """Publish a description for the team that signed it; returns the listing and whether it is new.

        With `validate_only` nothing is stored, and the answer is what publishing would have answered.
        """

        def checked():
            proof = self.proving.team(token, signed_method("PublishListing", validate_only=validate_only), document)
            described = listing_document(document, team=proof.team)
            return described, self._gate.admit(described.description)

        described, judgement = await self.threads.read(checked)
        (listing, created), judgement = await self._admitted(described, judgement, keep=not validate_only)
        listing, created = await self._approved(listing, created, judgement, keep=not validate_only)
        verdict = listing.verdict
        if verdict is None or not (verdict.findings or verdict.warnings):
            return listing, created
        told = await self.threads.read(lambda: self._gate.with_affected(listing.service, verdict))
        return replace(listing, verdict=told), created

    async def _approved(
        self, listing: Listing, created: bool, judgement: Judgement | None, *, keep: bool
    ) -> tuple[Listing, bool]:
        """Return the listing as it is when the registry has approved it, where it may."""
        if not self._approval.may_approve(listing):
            return listing, created
        approving = await self.threads.read(lambda: self._approval.move(listing))
        if approving is None:
            return listing, created
        if not keep:
            return replace(listing, state=approving.state, reason=approving.reason), created
        return await self._change(lambda: self._approval.make(approving, judgement)) or listing, created

    async def _admitted(
        self, document: ListingDocument, judgement: Judgement | None, *, keep: bool
    ) -> tuple[tuple[Listing, bool], Judgement | None]:
        for _ in range(_ATTEMPTS):
            with suppress(OvertakenError):
                if not keep:
                    tried = partial(self._catalog.add, document, judgement, keep=False)
                    return await self.threads.write(tried), judgement
                return await self._adding.write(Entry(document, judgement)), judgement
            judgement = await self.threads.read(lambda: self._gate.admit(document.description))
        raise _overtaken(document.description.service)

    async def compare_listings(self, asked: Comparison) -> Verdict:
        """Return what would become of callers if one revision took the place of others."""
        return await self.threads.read(lambda: self._gate.compare(asked))

    async def get_listing(self, service: str, *, digest: str = "", states: Sequence[State] = ()) -> Listing:
        """Return a revision of `service`, or the newest."""
        listing = await self.threads.read(lambda: self._catalog.find(service, digest=digest, states=states))
        if listing is None:
            raise await self.threads.read(lambda: self._no_listing(service, digest, states))
        return listing

    async def list_listings(self, which: ListingFilter, *, size: int = 0, page_token: str = "") -> Page[Listing]:
        """Return one page of listings, ordered by service."""
        filters = ["listings", which.team, *which.states, which.all_revisions]
        limit = page_size(size, default=50, most=200)
        after = None
        if page_token:
            service, number = position_of(page_token, like=("", 0), filters=filters)
            after = (str(service), int(number))
        found, more = await self.threads.read(lambda: self._catalog.page(which, after=after, limit=limit))
        last = found[-1] if more else None
        return Page(tuple(found), token_at((last.service, last.number), filters=filters) if last else "")

    async def set_state(self, move: Move, *, token: str | None, signed: bytes = b"") -> Listing:
        """Move a revision to another state: for the administrator, or for the team that signed `signed`."""
        return await self.move(move, await self.threads.read(lambda: self._author(token, signed)))

    def person(self, name: str, *, team: str | None) -> Author:
        """Return a person who is signed in as the author of moves: for a team, or (None) as an administrator."""
        return Author(team=team, approver=team in self._approvers, person=name)

    @property
    def approvers(self) -> Collection[str]:
        """The teams that approve what others publish."""
        return self._approvers

    async def services(self) -> Sequence[str]:
        """Return the name of every service that has a listing, in order."""
        return await self.threads.read(self._catalog.names)

    async def live(self, service: str, digest: str) -> Sequence[str]:
        """Return the teams that would have nobody to answer them without this revision, as of the last seven days."""
        since = datetime.now(UTC) - _LIVE
        return await self.threads.read(lambda: self._consumers.live(service, digest, since=since))

    async def move(self, move: Move, author: Author) -> Listing:
        """Move a revision to another state, as somebody who has proved to be `author`."""
        live = await self.live(move.service, move.digest) if move.state == "retired" else ()
        listing = await self._moved(move, author, live)
        if listing is None:
            raise await self.threads.read(lambda: self._no_listing(move.service, move.digest, ()))
        return listing

    async def _moved(self, move: Move, author: Author, live: Sequence[str]) -> Listing | None:
        if move.state != "approved":
            return await self._change(lambda: self._catalog.move(move, author, live=live))
        # One after the other: of several that were judged at once, only the first would find that nothing has changed.
        async with self._approving:
            for _ in range(_ATTEMPTS):
                judgement = await self.threads.read(lambda: self._gate.judge(move.service, move.digest))
                with suppress(OvertakenError):
                    return await self._change(
                        lambda judgement=judgement: self._catalog.move(move, author, live=live, judgement=judgement)
                    )
        raise _overtaken(move.service)

    # Policies

    async def publish_policy(
        self, team: str, document: bytes, *, token: str | None, validate_only: bool = False
    ) -> tuple[Policy, bool]:
        """Put the policy of the team that signed it in force; returns it and whether it is a new version.

        With `validate_only` nothing is stored, and the answer is what publishing would have answered.
        """

        def checked():
            proof = self.proving.team(token, signed_method("PublishPolicy", validate_only=validate_only), document)
            if proof.team != team:
                raise Refusal("denied", "team", f"this is about {team!r}, but {proof.team!r} signed it")
            policy = policy_document(document, team=team)
            return proof, policy, self._narrowing.warnings(team, policy)

        proof, policy, warnings = await self.threads.read(checked)

        def add() -> tuple[Policy, bool]:
            return self._policies.add(
                team, policy, signed_at=proof.signed_at, warnings=warnings, keep=not validate_only
            )

        try:
            return await (self.threads.write(add) if validate_only else self._change(add))
        except StaleError:
            raise Refusal(
                "conflict", "authorization", "token is older than the policy in force; sign the policy again"
            ) from None

    async def get_policy(self, team: str, *, version: int = 0) -> Policy:
        """Return the policy of `team` that is in force, or another version."""
        if not 0 <= version < 2**63:
            raise Refusal("invalid", "version", f"version is {version!r}; it must be 1 or more, or 0 for the newest")
        policy = await self.threads.read(lambda: self._policies.find(team, version=version))
        if policy is None:
            what = f"version {version} of the policy" if version else "policy"
            raise Refusal("not_found", "team", f"{team!r} has published no {what}; a worker does when it starts")
        return policy

    async def list_policies(self, *, size: int = 0, page_token: str = "") -> Page[Policy]:
        """Return one page of the policies in force, ordered by team."""
        filters = ["policies"]
        limit = page_size(size, default=50, most=200)
        after = str(position_of(page_token, like=("",), filters=filters)[0]) if page_token else ""
        found, more = await self.threads.read(lambda: self._policies.page(after=after, limit=limit))
        return Page(tuple(found), token_at((found[-1].team,), filters=filters) if more else "")

    # Keys

    async def register_key(
        self, team: str, key_id: str, public_bytes: bytes, *, token: str | None
    ) -> tuple[PublicKey, bool]:
        """Enrol a team's key, for the administrator; returns it and whether it is new."""
        self.proving.administrator(token, "RegisterKey")
        _require_key(team, key_id, public_bytes)
        return await self._change(lambda: self._keyring.add(team=team, key_id=key_id, public_bytes=public_bytes))

    async def invite_team(self, team: str, lifetime: timedelta | None, *, token: str | None) -> Invitation:
        """Make a one-time code with which a team enrols a key, for the administrator."""
        self.proving.administrator(token, "InviteTeam")
        require_team(team)
        chosen = timedelta(hours=1) if lifetime is None else lifetime
        _require_span(chosen, "lifetime", least=timedelta(seconds=1), most=timedelta(days=7))
        return await self.threads.write(lambda: self._keyring.invite(team, lifetime=chosen))

    async def enrol_key(
        self, team: str, key_id: str, public_bytes: bytes, *, code: str, token: str | None
    ) -> PublicKey:
        """Enrol the key that signed this, by a one-time code."""
        _require_key(team, key_id, public_bytes)
        _require_possession(token, "EnrolKey", VerifyingKey(team=team, key_id=key_id, public_bytes=public_bytes))
        enrol = self._keyring.enrol
        return await self._change(lambda: enrol(team=team, code=code, key_id=key_id, public_bytes=public_bytes))

    async def rotate_key(
        self, new: VerifyingKey, overlap: timedelta, *, proof: str, token: str | None, signed: bytes
    ) -> tuple[PublicKey, bool]:
        """Enrol the next key of the team that signed `signed`; returns it and whether it is new."""
        old = await self.threads.read(lambda: self.proving.team(token, "RotateKey", signed))
        if old.team != new.team:
            raise Refusal("denied", "team", f"this is a key for {new.team!r}, but {old.team!r} signed it")
        _require_key(new.team, new.key_id, new.public_bytes)
        _require_possession(proof, "RotateKey", new, field="proof")
        _require_span(overlap, "overlap", least=timedelta(0), most=timedelta(days=90))
        rotate, old_id = self._keyring.rotate, old.key_id
        return await self._change(
            lambda: rotate(
                team=new.team, old_id=old_id, key_id=new.key_id, public_bytes=new.public_bytes, overlap=overlap
            )
        )

    async def revoke_key(
        self, team: str, key_id: str, *, reason: str, token: str | None, signed: bytes = b""
    ) -> PublicKey:
        """Take a key back for ever, for the administrator or the team that signed `signed`."""
        author = ADMINISTRATOR
        if signed:
            author = (await self.threads.read(lambda: self.proving.team(token, "RevokeKey", signed))).team
            if author != team:
                raise Refusal("denied", "team", f"this key is {team!r}'s, but {author!r} signed it")
        else:
            self.proving.administrator(token, "RevokeKey")
        require_reason(reason)
        key = await self._change(lambda: self._keyring.revoke(team, key_id, author=author, reason=reason))
        if key is None:
            raise Refusal("not_found", "key_id", f"{team!r} has no key {key_id!r}; `callboard keys list` shows them")
        return key

    async def list_public_keys(
        self, *, team: str = "", size: int = 0, page_token: str = "", past: bool = False
    ) -> Page[PublicKey]:
        """Return one page of public keys, ordered by team; with `past` also those that prove nothing any more."""
        filters = ["keys", team, past]
        limit = page_size(size, default=500, most=1000)
        after = None
        if page_token:
            last_team, last_id = position_of(page_token, like=("", ""), filters=filters)
            after = (str(last_team), str(last_id))
        found, more = await self.threads.read(
            lambda: self._keyring.page(team=team, after=after, limit=limit, past=past)
        )
        return Page(tuple(found), token_at((found[-1].team, found[-1].key_id), filters=filters) if more else "")

    async def _change(self, work: Callable[[], Result]) -> Result:
        result = await self.threads.write(work)
        self._tell()
        return result

    def _tell(self) -> None:
        self.listings_told.forget()
        self.watching.tell()

    def _author(self, token: str | None, signed: bytes) -> Author:
        if not signed:
            self.proving.administrator(token, "SetState")
            return Author(team=None)
        team = self.proving.team(token, "SetState", signed).team
        return Author(team=team, approver=team in self._approvers)

    def _no_listing(self, service: str, digest: str, states: Sequence[State]) -> Refusal:
        newest = self._catalog.find(service)
        if newest is None:
            near = ", ".join(repr(name) for name in difflib.get_close_matches(service, self._catalog.names(), n=3))
            similar = f"there is {near}" if near else _NEXT_STEP
            return Refusal("not_found", "service", f"no listing of {service!r} is held; {similar}")
        wanted = f"revision {digest!r}" if digest else "revision"
        among = f" that is {' or '.join(states)}" if states else ""
        return Refusal(
            "not_found",
            "digest" if digest else "states",
            f"{service!r} has no {wanted}{among}; the newest held is {newest.digest!r} ({newest.state})",
        )


def _overtaken(service: str) -> Refusal:
    return Refusal("conflict", "service", f"other revisions of {service!r} are coming into force just now; try again")


def _require_key(team: str, key_id: str, public_bytes: bytes) -> None:
    require_team(team)
    if len(public_bytes) != 32:
        raise Refusal("invalid", "public_bytes", f"key has {len(public_bytes)} bytes; an Ed25519 public key has 32")
    expected = hashlib.sha256(public_bytes).hexdigest()[:16]
    if key_id != expected:
        raise Refusal("invalid", "key_id", f"key_id is {key_id!r}; for this key it is {expected!r}")


def _require_possession(token: str | None, method: str, key: VerifyingKey, *, field: str = "authorization") -> None:
    """Do nothing if whoever sends `token` has the private half of `key`."""

    def only_this(team: str, key_id: str) -> VerifyingKey | None:
        return key if (team, key_id) == (key.team, key.key_id) else None

    try:
        proved_team(token, method=method, data=key.public_bytes, find_key=only_this)
    except Refusal as refusal:
        raise Refusal(refusal.kind, field, refusal.message) from refusal


def _require_span(span: timedelta, field: str, *, least: timedelta, most: timedelta) -> None:
    if not least <= span <= most:
        raise Refusal("invalid", field, f"{field} is {span}; it must be {least} at least and {most} at most")
