"""What travels with a call to prove who asks, for whom and within which limits.

Three headers, all compact JWS by teams' keys:

- `callboard-grant`: signed by whoever starts a tree of calls. Names the root, the person it acts for and the limits
  of the whole tree. Travels unchanged.
- `callboard-token`: signed by the caller for exactly this call: endpoint, service, operation, digest of the input's
  bytes, its own id, limits, expiry, and the digest of the link before it.
- `callboard-chain`: the tokens of the hops before, oldest first.

A handler checks the chain from the grant's issuer down to the caller: each link must be addressed to the signer of
the next and name the digest of the one before, and limits may only shrink. So a team in the middle can tighten
limits, but not hide a hop, reset depth, raise a limit or invent a person. The digests tie links together in the way of
RFC 8693's nested actors, without a party that all must ask.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple, cast

from pydantic import ConfigDict, Field, ValidationError

from callboard_contracts import Message, RefusedError
from callboard_kit.identity import FindKey, InvalidTokenError, SigningKey, claimed_signer, digest, verify
from callboard_kit.seen import Seen
from callboard_kit.settings import CANARY

GRANT_HEADER: Final = "callboard-grant"
TOKEN_HEADER: Final = "callboard-token"
CHAIN_HEADER: Final = "callboard-chain"

FORMAT: Final = 1
_LARGEST: Final = 1e12
LEEWAY_SECONDS: Final = 2.0
"""How far the clocks of two teams may differ before an expiry is believed."""

GRANT_STEP: Final = 60
"""Seconds to whose full number a grant's expiry is rounded up, so that the calls a root makes meanwhile share one
grant: it is signed once and, by each callee, verified once. Each call still ends with its own token."""

MAX_DEPTH: Final = 6
"""Hops that keep the three headers within Temporal's 8,192 bytes."""

HELD: Final = "hld"
"""The claim of a token that says which locks the caller holds while it waits."""

_LONGEST_HELD: Final = 300
_KEY: Final = "idk"

LONGEST_TEXT: Final = 200
"""Characters of an id or a person in a token."""

MOST_CALLS: Final = 10_000
"""Calls of a tree, where nobody says how many it may make."""

NEVER: Final = 1e11
"""A moment that nobody waits for."""

_LIMITS: Final = ("depth", "fan_out", "steps", "tokens", "cost_usd", "calls", "ends")
_LEAST_LIMITS: Final = 5


class Limits(Message):
    """What a tree of calls may use up. A hop may tighten them for those below it, never loosen."""

    model_config = ConfigDict(extra="forbid")

    depth: int = Field(default=MAX_DEPTH, ge=1, le=MAX_DEPTH)
    """How many calls deep the tree may go; the root's own calls are depth 1."""

    fan_out: int = Field(default=1000, ge=0)
    """How many calls one workflow of the tree may make."""

    steps: int = Field(default=50, ge=0)
    """How many rounds of model and tools one agent of the tree may take."""

    tokens: int = Field(default=1_000_000, ge=0)
    """Model tokens, input and output together."""

    cost_usd: float = Field(default=100.0, ge=0)
    """US dollars for model calls."""

    calls: int = Field(default=MOST_CALLS, ge=0)
    """How many calls all of the tree may make."""

    ends: float = Field(default=NEVER, ge=0, le=NEVER)
    """When the tree's time is over, in seconds since the epoch. Absent: when whoever waits for it has stopped."""

    def tightened(self, other: "Limits") -> "Limits":
        """Return the smaller of both in every respect."""
        return Limits.model_validate({name: min(getattr(self, name), getattr(other, name)) for name in _LIMITS})

    def first_raised(self, above: "Limits") -> str | None:
        """Return the name of the first limit that is larger than `above` has it."""
        return next((name for name in _LIMITS if getattr(self, name) > getattr(above, name)), None)

    def to_claim(self) -> list[float]:
        """Return the limits as a token carries them: a list, since header bytes are few."""
        claim: list[float] = [getattr(self, name) for name in _LIMITS]
        while len(claim) > _LEAST_LIMITS and claim[-1] == Limits.model_fields[_LIMITS[len(claim) - 1]].default:
            claim.pop()
        return claim

    @classmethod
    def from_claim(cls, claim: object) -> "Limits":
        """Read what `to_claim` wrote.

        Raises:
            InvalidTokenError: It is not five to seven numbers within their bounds.
        """
        if not isinstance(claim, list) or not _LEAST_LIMITS <= len(cast("list[object]", claim)) <= len(_LIMITS):
            raise InvalidTokenError("token has no limits")
        try:
            return cls.model_validate(dict(zip(_LIMITS, cast("list[object]", claim), strict=False)), strict=True)
        except ValidationError as error:
            raise InvalidTokenError("token has limits out of bounds") from error


@dataclass(frozen=True)
class Origin:
    """How a tree of calls starts: its id, whom it acts for, and what it may use up.

    Raises:
        RefusedError: The id or the person is empty or too long to travel with every call.
    """

    root: str
    person: str | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for what, text in (("root", self.root), ("person", self.person)):
            if text is not None and not 0 < len(text) <= LONGEST_TEXT:
                raise RefusedError(
                    f"the {what} of a tree of calls has {len(text)} characters; 1 to {LONGEST_TEXT} are allowed"
                )


@dataclass(frozen=True)
class Address:
    """What exactly is called: an operation of a service version behind an endpoint (all logical names)."""

    endpoint: str
    service: str
    operation: str


class Held(NamedTuple):
    """The lock of an entity that a call holds."""

    name: str
    """What the lock is called inside its team."""

    link: str
    """Digest of the token of the call that took it."""

    fence: int = 0
    """Greater than that of whoever held it before: what a store refuses late writers by."""


@dataclass(frozen=True)
class Call:
    """A call that was proved: where it came from, what it is, and what it may still do.

    The same object describes a root (`caller` and `token_id` are empty then), so that code in a workflow need not ask
    whether it was called or started.
    """

    root: str
    """The id of the tree; never changes."""

    team: str
    """The team that handles the call."""

    caller: str = ""
    """The team that signed the call."""

    token_id: str = ""
    """The call's own id: the same for every delivery of it. What an effect is keyed by."""

    person: str | None = None
    """Whom the tree acts for."""

    limits: Limits = field(default_factory=Limits)
    address: Address | None = None
    expires: float = 0.0
    """When the caller stops waiting, in seconds since the epoch; 0 at a root, which nobody waits for."""

    grant: str = ""
    chain: tuple[str, ...] = ()
    """Every token from the root's first down to this call's own."""

    teams: tuple[str, ...] = ()
    """The signers of the chain: the root's team first, the caller last."""

    rule: str = ""
    """The rule of the policy that let it in."""

    approval: str = ""
    """What a person must agree to before it has its effect, as JSON. Empty: nothing."""

    hide: tuple[str, ...] = ()
    """Fields of the result that the caller does not get."""

    started: float = 0.0
    """When the handler took it up, in seconds since the epoch."""

    opens: bool = False
    """Whether the workflow that has this context is the one its tree was started with."""

    wordless: bool = False
    """Whether what models write for it is sensitive, and stays out of live events."""

    entity: str = ""
    """What it acts on, if its contract says so: as records may show it, which is a digest where it is sensitive."""

    revision: str = ""
    """Digest of the contract by which the handler took it up."""

    build: str = ""
    """The build whose handler took it up."""

    searchable: bool = False
    """Whether the workflow that works on it was given Callboard's search attributes, and so may set its outcome."""

    entities: tuple[tuple[str, str], ...] = ()
    """The locks that its run takes before it works, in this order: what each is called, and what it is to people."""

    held: tuple[Held, ...] = ()
    """The locks that it holds."""

    key: str = ""
    """The idempotency key that its caller gave it, with service and operation before it; empty when it gave none."""

    endpoints: Seen = field(default_factory=Seen)
    """Nexus endpoints that were seen to exist when the workflow that works on it was started."""

    asked: str = ""
    """Digest of what was asked under the key, the same for the same request however it was written."""

    @property
    def depth(self) -> int:
        """How many hops lie between the root and here."""
        return len(self.chain)

    def inside(self) -> "Call":
        """Return the context of a child or a later run: the same call, but no longer the one that answers it."""
        return replace(
            self, opens=False, hide=(), approval="", address=None, entity="", revision="", build="", entities=()
        )

    def to_json(self) -> bytes:
        """Return the call as it travels in the header of a workflow of the handling team."""
        document = {
            **{name: getattr(self, name) for name in _PLAIN},
            "limits": self.limits.to_claim(),
            "address": None
            if self.address is None
            else [self.address.endpoint, self.address.service, self.address.operation],
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Call":
        """Read what `to_json` wrote; unknown members are passed over, absent ones have their defaults."""
        document = json.loads(data)
        plain = {name: document[name] for name in _PLAIN if name in document}
        for name in ("chain", "teams", "hide"):
            plain[name] = tuple(plain.get(name, ()))
        plain["entities"] = tuple((name, shown) for name, shown in plain.get("entities", ()))
        plain["held"] = tuple(Held(*held) for held in plain.get("held", ()))
        names, at = plain.get("endpoints", ((), 0.0))
        plain["endpoints"] = Seen(tuple(names), at)
        address = document.get("address")
        return cls(
            **plain,
            limits=Limits.from_claim(document["limits"]),
            address=None if address is None else Address(*address),
        )


_PLAIN: Final = (
    "root",
    "team",
    "caller",
    "token_id",
    "person",
    "expires",
    "grant",
    "chain",
    "teams",
    "rule",
    "approval",
    "hide",
    "started",
    "opens",
    "wordless",
    "entity",
    "revision",
    "build",
    "searchable",
    "entities",
    "held",
    "key",
    "endpoints",
)


def sign_call(
    key: SigningKey,
    *,
    parent: Call,
    to: Address,
    input_digest: str,
    token_id: str,
    now: float,
    expires: float,
    limits: Limits | None = None,
    idempotency_key: str = "",
) -> dict[str, str]:
    """Return the headers of one call that `parent` makes.

    A root signs its grant anew as time goes by (same id, person and limits), so that a root that lives for weeks never
    holds an expired one; below the root the grant travels unchanged.
    """
    bounds = parent.limits if limits is None else parent.limits.tightened(limits)
    grant = parent.grant or _grant(
        key, parent.root, parent.person, tuple(parent.limits.to_claim()), math.ceil(expires / GRANT_STEP)
    )
    previous = parent.chain[-1] if parent.chain else grant
    token = key.sign(
        {
            **_held_claim(parent.held),
            **({_KEY: idempotency_key} if idempotency_key else {}),
            "v": FORMAT,
            "typ": "call",
            "aud": to.endpoint,
            "svc": to.service,
            "op": to.operation,
            "dig": input_digest,
            "jti": token_id,
            "prv": digest(previous.encode()),
            "lim": bounds.to_claim(),
            "iat": round(now, 3),
            "exp": round(expires, 3),
        }
    )
    headers = {GRANT_HEADER: grant, TOKEN_HEADER: token}
    if parent.chain:
        headers[CHAIN_HEADER] = ",".join(parent.chain)
    return headers


# A root's calls follow each other, and EdDSA gives the same grant for the same claims: sign it once.
@lru_cache(maxsize=1024)
def _grant(key: SigningKey, root: str, person: str | None, limits: tuple[float, ...], steps: int) -> str:
    return key.sign(
        {
            "v": FORMAT,
            "typ": "grant",
            "rid": root,
            "sub": person,
            "lim": limits,
            "exp": steps * GRANT_STEP,
        }
    )


def check_call(
    headers: Mapping[str, str], *, at: Address, team: str, input_digest: str | None, now: float, find_key: FindKey
) -> Call:
    """Return the proved call that `headers` carry, or refuse it.

    Args:
        headers: The headers as Temporal delivered them, names in lower case.
        at: Where the call arrived: which endpoint exactly, for a token for one of a team's is none for the other.
        team: The team that handles it.
        input_digest: Digest of the input's bytes; None where there is no input (a cancellation).
        now: Seconds since the epoch.
        find_key: Finds the keys that are vouched for.

    Raises:
        InvalidTokenError: What is wrong, in words for the caller.
    """
    token, grant = headers.get(TOKEN_HEADER), headers.get(GRANT_HEADER)
    if not token or not grant:
        raise InvalidTokenError(
            "the call carries no token; only a member of the mesh can call, see docs/call-a-team.md"
        )
    links = [*_chain(headers), token]
    if len(links) > MAX_DEPTH:
        raise InvalidTokenError(f"the call is {len(links)} hops deep; {MAX_DEPTH} is the limit")
    root = verify(grant, find_key)
    _expect(root, "typ", "grant")
    _expect_alive(root, now, "grant")
    limits = Limits.from_claim(root.get("lim"))
    signer, previous = str(root["iss"]), grant
    teams: list[str] = []
    claims: Mapping[str, object] = {}
    for place, link in enumerate(links):
        claims = verify(link, find_key)
        _expect(claims, "typ", "call")
        if claims["iss"] != signer:
            raise InvalidTokenError(
                f"hop {place + 1} was signed by {claims['iss']!r}, but {signer!r} was the one called"
            )
        if claims.get("prv") != digest(previous.encode()):
            raise InvalidTokenError(f"hop {place + 1} does not follow from the hop before it")
        _expect_alive(claims, now, "token")
        tightened = Limits.from_claim(claims.get("lim"))
        if raised := tightened.first_raised(limits):
            raise InvalidTokenError(f"hop {place + 1} raises the limit {raised!r} above what it was given")
        limits, previous = tightened, link
        teams.append(str(claims["iss"]))
        # The canary's endpoint is the team's as well. Whose it is shows: no team's own name has a hyphen.
        signer = str(claims.get("aud")).removesuffix(CANARY)
    arrived = Address(str(claims.get("aud")), str(claims.get("svc")), str(claims.get("op")))
    if arrived != at:
        raise InvalidTokenError(
            f"the token is for {arrived.service} {arrived.operation} at {arrived.endpoint!r}, "
            f"not for {at.service} {at.operation} at {at.endpoint!r}"
        )
    if input_digest is not None and claims.get("dig") != input_digest:
        raise InvalidTokenError("the token is for another input")
    if len(links) > limits.depth:
        raise InvalidTokenError(f"the call is {len(links)} hops deep; the tree's limit is {limits.depth}")
    return Call(
        root=_text(root, "rid"),
        team=team,
        caller=teams[-1],
        token_id=_text(claims, "jti"),
        person=None if root.get("sub") is None else _text(root, "sub"),
        limits=limits,
        # From here on it is a call of the team, over whichever of its endpoints it came.
        address=replace(at, endpoint=team),
        expires=_number(claims, "exp"),
        grant=grant,
        chain=tuple(links),
        teams=tuple(teams),
        started=now,
        key=f"{at.service} {at.operation} {_text(claims, _KEY)}" if _KEY in claims else "",
    )


def _held_claim(held: Sequence[Held]) -> dict[str, object]:
    """Return the claim that says what the caller holds while it waits; none when it would be too long to travel."""
    names = [[each.name, each.link] for each in held]
    return {HELD: names} if 0 < len(json.dumps(names)) <= _LONGEST_HELD else {}


def headers_size(headers: Mapping[str, str]) -> int:
    """Return how many bytes of Temporal's header limit these take up."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in headers.items())


def key_names(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return team and key id of everyone who seems to have signed something in `headers`; nothing is checked."""
    links = [headers.get(GRANT_HEADER, ""), *_chain(headers), headers.get(TOKEN_HEADER, "")]
    return [name for link in links[: MAX_DEPTH + 1] if (name := claimed_signer(link)) is not None]


def _chain(headers: Mapping[str, str]) -> list[str]:
    chain = headers.get(CHAIN_HEADER)
    return [] if chain is None else chain.split(",")


def _expect(claims: Mapping[str, object], name: str, value: str) -> None:
    if claims.get("v") != FORMAT or claims.get(name) != value:
        raise InvalidTokenError(f"the call carries something that is no {value}")


def _expect_alive(claims: Mapping[str, object], now: float, what: str) -> None:
    if now > _number(claims, "exp") + LEEWAY_SECONDS:
        raise InvalidTokenError(f"the {what} has expired")


def _number(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST:
        return float(value)
    raise InvalidTokenError(f"the token's {name!r} is no number, or no sensible one")


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT:
        return value
    raise InvalidTokenError(f"the token's {name!r} is no text, or one longer than {LONGEST_TEXT} characters")
