"""Honest chains of calls between teams whose keys the test holds, and what a thief can make of them."""

from collections.abc import Mapping, Sequence

from callboard_kit.identity import SigningKey, VerifyingKey, digest
from callboard_kit.limits import Limits
from callboard_kit.tokens import Address, Call, check_call, sign_call

NOW = 1_800_000_000.0
INPUT = b'{"order_id":"#W1"}'
TEAMS = ("orchestrator", "orders", "billing", "inventory", "support", "customers", "shipping")

KEYS = {team: SigningKey.generate(team) for team in TEAMS}


def find_key(team: str, key_id: str) -> VerifyingKey | None:
    key = KEYS[team].public_key if team in KEYS else None
    return key if key is not None and key.key_id == key_id else None


def address(team: str) -> Address:
    return Address(team, f"{team}.v1", "work")


def root(team: str = "orchestrator", *, limits: Limits | None = None, person: str | None = "yusuf") -> Call:
    return Call(root="tree-1", team=team, person=person, limits=limits or Limits())


def sign(
    parent: Call,
    to: str | Address,
    *,
    key: SigningKey | None = None,
    data: bytes = INPUT,
    token_id: str = "run:1",
    expires: float = NOW + 60,
    limits: Limits | None = None,
) -> dict[str, str]:
    """Sign as the kit does for a call that `parent` makes."""
    return sign_call(
        key or KEYS[parent.team],
        parent=parent,
        to=address(to) if isinstance(to, str) else to,
        input_digest=digest(data),
        token_id=token_id,
        now=NOW,
        expires=expires,
        limits=limits,
    )


def check(headers: Mapping[str, str], at: str | Address, *, data: bytes | None = INPUT, now: float = NOW + 1) -> Call:
    """Check as the kit does where a call arrives."""
    place = address(at) if isinstance(at, str) else at
    return check_call(
        headers,
        at=place,
        team=place.endpoint.removesuffix("-canary"),
        input_digest=None if data is None else digest(data),
        now=now,
        find_key=find_key,
    )


def along(
    *teams: str, limits: Sequence[Limits | None] = (), person: str | None = "yusuf"
) -> tuple[dict[str, str], Call]:
    """Call along `teams`, each hop from the one before; returns the last call's headers and the call as it arrived."""
    call = root(teams[0], limits=limits[0] if limits else None, person=person)
    headers: dict[str, str] = {}
    for place, team in enumerate(teams[1:]):
        narrower = limits[place + 1] if place + 1 < len(limits) else None
        headers = sign(call, team, token_id=f"run-{place}:1", limits=narrower)
        call = check(headers, team)
    return headers, call
