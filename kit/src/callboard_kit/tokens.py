"""What travels with a call to prove who asks, for whom and within which limits.

Two headers, of compact JWS by teams' keys:

- `callboard-token`: signed by the caller for exactly this call: endpoint, service, operation, digest of the input's
  bytes, its own id, limits and expiry. The first of a tree also names the tree and the person it acts for; any other
  names the digest of the link before it. What is not said is as usual: the endpoint is that of the service's team, and
  the tree has the id of the run that calls.
- `callboard-chain`: the tokens of the hops before, oldest first; absent where the tree's root calls.

A handler checks the chain from its first link, the grant of all below it, down to the caller: each link must be
addressed to the signer of the next and name the digest of the one before, and limits may only shrink. So a team in the
middle can tighten limits, but not hide a hop, reset depth, raise a limit, invent a person or make a dry run a real one.
The digests tie links together in the way of RFC 8693's nested actors, without a party that all must ask.

Every byte of a header goes through Temporal's history, which costs more processor time than all of the cryptography:
so a claim that has its usual value is left out, and digests are cut to 128 bits, which still nobody finds a second
input for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from callboard_contracts import RefusedError
from callboard_kit.identity import FindKey, InvalidTokenError, SigningKey, claimed_signer, digest, verify
from callboard_kit.limits import MAX_DEPTH, Limits
from callboard_kit.seen import Seen
from callboard_kit.settings import CANARY

TOKEN_HEADER: Final = "callboard-token"
CHAIN_HEADER: Final = "callboard-chain"

PROOF: Final = frozenset((TOKEN_HEADER, CHAIN_HEADER))
"""The headers that only the mesh sets."""

FORMAT: Final = 2
_LARGEST: Final = 1e12
_DIGEST: Final = 22
"""Characters of a digest that a token carries: 128 bits of it."""

LEEWAY_SECONDS: Final = 2.0
"""How far the clocks of two teams may differ before an expiry is believed."""

_REAL: Final = "call"
_DRY: Final = "dry"
"""What a token of a dry run is instead of a call: who does not know of dry runs refuses it, and does nothing."""

HELD: Final = "hld"
"""The claim of a token that says which locks the caller holds while it waits."""

_LONGEST_HELD: Final = 300
_KEY: Final = "idk"

LONGEST_TEXT: Final = 200
"""Characters of an id or a person in a token."""


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

    dry: bool = False
    """Whether nothing that has an effect may be done for it, nor for anything that is called on its behalf."""

    harmless: bool = False
    """Whether its operation promises to change nothing, so that what it does may be done in a dry run too."""

    copies: str = ""
    """In a dry run that repeats another one: that one's run id. What it was answered is answered again."""

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
            **{name: value for name in _SELDOM if (value := getattr(self, name))},
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
        plain = {name: document[name] for name in (*_PLAIN, *_SELDOM) if name in document}
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
_SELDOM: Final = ("dry", "harmless", "copies")


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
    """Return the headers of one call that `parent` makes."""
    bounds = parent.limits if limits is None else parent.limits.tightened(limits)
    place: dict[str, object] = {}
    if parent.chain:
        place["prv"] = _short(parent.chain[-1])
    elif parent.root != _run_of(token_id):
        place["rid"] = parent.root
    if not parent.chain and parent.person is not None:
        place["sub"] = parent.person
    token = key.sign(
        {
            "v": FORMAT,
            "typ": _DRY if parent.dry else _REAL,
            **place,
            **({} if to.endpoint == _team_of(to.service) else {"aud": to.endpoint}),
            "svc": to.service,
            "op": to.operation,
            "dig": input_digest[:_DIGEST],
            "jti": token_id,
            **({"lim": claim} if (claim := bounds.to_claim()) else {}),
            **({HELD: held} if (held := _held_claim(parent.held)) else {}),
            **({_KEY: idempotency_key} if idempotency_key else {}),
            "exp": round(expires, 3),
        }
    )
    headers = {TOKEN_HEADER: token}
    if parent.chain:
        headers[CHAIN_HEADER] = ",".join(parent.chain)
    return headers


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
    token = headers.get(TOKEN_HEADER)
    if not token:
        raise InvalidTokenError(
            "the call carries no token; only a member of the mesh can call, see docs/call-a-team.md"
        )
    links = [*_chain(headers), token]
    if len(links) > MAX_DEPTH:
        raise InvalidTokenError(f"the call is {len(links)} hops deep; {MAX_DEPTH} is the limit")
    proved = [verify(link, find_key) for link in links]
    root, claims = proved[0], proved[-1]
    if "prv" in root:
        raise InvalidTokenError("the call's first hop follows from one that is not shown")
    limits, teams = Limits.from_claim(root.get("lim", [])), list[str]()
    dry = False
    for place, link in enumerate(proved):
        dry = dry or link.get("typ") == _DRY
        _expect(link, "typ", _DRY if dry else _REAL)
        _expect_alive(link, now)
        if place > 0:
            _expect_follows(link, proved[place - 1], links[place - 1], hop=place + 1)
        tightened = Limits.from_claim(link.get("lim", []))
        if raised := tightened.first_raised(limits):
            raise InvalidTokenError(f"hop {place + 1} raises the limit {raised!r} above what it was given")
        limits = tightened
        teams.append(str(link["iss"]))
    arrived = Address(_audience(claims), str(claims.get("svc")), str(claims.get("op")))
    if arrived != at:
        raise InvalidTokenError(
            f"the token is for {arrived.service} {arrived.operation} at {arrived.endpoint!r}, "
            f"not for {at.service} {at.operation} at {at.endpoint!r}"
        )
    if input_digest is not None and claims.get("dig") != input_digest[:_DIGEST]:
        raise InvalidTokenError("the token is for another input")
    if len(links) > limits.depth:
        raise InvalidTokenError(f"the call is {len(links)} hops deep; the tree's limit is {limits.depth}")
    return Call(
        root=_tree(root),
        team=team,
        caller=teams[-1],
        token_id=_text(claims, "jti"),
        person=_text(root, "sub") if "sub" in root else None,
        limits=limits,
        # From here on it is a call of the team, over whichever of its endpoints it came.
        address=replace(at, endpoint=team),
        expires=_number(claims, "exp"),
        chain=tuple(links),
        teams=tuple(teams),
        started=now,
        key=f"{at.service} {at.operation} {_text(claims, _KEY)}" if _KEY in claims else "",
        dry=dry,
    )


def _held_claim(held: Sequence[Held]) -> list[list[str]]:
    """Return what the caller holds while it waits, as a token says it: nothing when it would be too long to travel."""
    names = [[each.name, each.link] for each in held]
    return names if len(json.dumps(names)) <= _LONGEST_HELD else []


def headers_size(headers: Mapping[str, str]) -> int:
    """Return how many bytes of Temporal's header limit these take up."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in headers.items())


def key_names(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return team and key id of everyone who seems to have signed something in `headers`; nothing is checked."""
    links = [*_chain(headers), headers.get(TOKEN_HEADER, "")]
    return [name for link in links[:MAX_DEPTH] if (name := claimed_signer(link)) is not None]


def _chain(headers: Mapping[str, str]) -> list[str]:
    chain = headers.get(CHAIN_HEADER)
    return [] if chain is None else chain.split(",")


def _expect(claims: Mapping[str, object], name: str, value: str) -> None:
    if claims.get("v") != FORMAT or claims.get(name) != value:
        raise InvalidTokenError(f"the call carries something that is no {value}")


def _expect_alive(claims: Mapping[str, object], now: float) -> None:
    if now > _number(claims, "exp") + LEEWAY_SECONDS:
        raise InvalidTokenError("the token has expired")


def _expect_follows(claims: Mapping[str, object], before: Mapping[str, object], token: str, *, hop: int) -> None:
    # The canary's endpoint is the team's as well. Whose it is shows: no team's own name has a hyphen.
    called = _audience(before).removesuffix(CANARY)
    if claims["iss"] != called:
        raise InvalidTokenError(f"hop {hop} was signed by {claims['iss']!r}, but {called!r} was the one called")
    if claims.get("prv") != _short(token):
        raise InvalidTokenError(f"hop {hop} does not follow from the hop before it")
    if "rid" in claims or "sub" in claims:
        raise InvalidTokenError(f"hop {hop} names a tree or a person, which only the first one may")


def _tree(claims: Mapping[str, object]) -> str:
    """Return the id of the tree that a first link opens: that of the run that calls, unless it says another."""
    run = _run_of(_text(claims, "jti"))
    if "rid" not in claims and run:
        return run
    return _text(claims, "rid")


def _audience(claims: Mapping[str, object]) -> str:
    """Return the endpoint that a link is for: that of the service's team, unless it says another."""
    return _text(claims, "aud") if "aud" in claims else _team_of(_text(claims, "svc"))


def _team_of(service: str) -> str:
    return service.partition(".")[0]


def _run_of(token_id: str) -> str:
    """Return the id of the run that counts its calls by this one: as a rule the tree's own, at its root."""
    return token_id.rpartition(":")[0]


def _short(token: str) -> str:
    return digest(token.encode())[:_DIGEST]


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
