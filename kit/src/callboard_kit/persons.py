"""Persons: how one proves who they are, and how what they decided is proved to others.

The team `inbox` vouches for persons, with its own key that the registry vouches for. Two things carry its word:

- a **token**, for a client of the gateway: whoever shows it is the person. A secret, never written anywhere.
- a **credential**, for deciding: a certificate that names the person and the public half of a key, and the private
  half, which stays with the person. What they decide is a *statement* signed with it, with the certificate inside.
  A statement is good for what it says and for nothing else, so it may be kept in histories, and everybody who finds
  the inbox's key can check it without asking anyone.

A certificate is no token: it stands in histories, where others read it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import Field, ValidationError

from callboard_kit.identity import FindKey, InvalidTokenError, SigningKey, VerifyingKey, unchecked, verify
from callboard_kit.messages import KitMessage

ISSUER: Final = "inbox"
"""The team whose key vouches for persons."""

APPROVE: Final = "approvals"
"""The scope of whoever may see and answer questions for approval."""

ANYONE: Final = "*"
"""In a list of approvers: every person who may answer questions at all."""

ROLE: Final = "role:"
"""In a list of approvers: what comes before the name of a role."""

LEEWAY_SECONDS: Final = 30.0
"""How far the clock of a person's machine may differ."""

_FORMAT: Final = 1
_PERSON: Final = "person:"

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")]
"""A person's name: letters, digits and `._@+-`, an e-mail address for instance."""

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
"""A role or a scope."""


class Person(KitMessage):
    """Who someone is, as the issuer says."""

    name: Name
    """The person."""

    roles: tuple[Word, ...] = ()
    """What they are in the company, `finance` for instance: lists of approvers name it as `role:finance`."""

    scopes: tuple[Word, ...] = ()
    """What they may do at all: `approvals`, `runs`."""

    def is_among(self, approvers: Sequence[str]) -> bool:
        """Tell whether a list of approvers names this person, a role of theirs, or everybody."""
        own = {ANYONE, self.name, *(f"{ROLE}{role}" for role in self.roles)}
        return not own.isdisjoint(approvers)


def issue_token(issuer: SigningKey, person: Person, *, now: float, lifetime: timedelta) -> str:
    """Return a token that says, to whoever it is shown, that its bearer is `person`."""
    return issuer.sign(_claims("person", person, now, lifetime))


def read_token(token: str, *, find_key: FindKey, now: float) -> Person:
    """Return whose token it is.

    Raises:
        InvalidTokenError: It is no token of the issuer's, or its time is over.
    """
    return _person(_issued(token, "person", find_key, now))


@dataclass(frozen=True)
class Statement:
    """Something that a person said, and who they are."""

    person: Person
    claims: Mapping[str, object]
    """What they said."""


class Credential:
    """What a person decides with: a key of their own and the issuer's word for it."""

    def __init__(self, *, certificate: str, private: Ed25519PrivateKey) -> None:
        self._certificate = certificate
        self._private = private
        self.person = _person(unchecked(certificate))
        """Who it is for. Not checked here: whoever gets a statement checks."""

        self._key = SigningKey(team=_PERSON + self.person.name, private=private)

    def __repr__(self) -> str:
        """Name the person and nothing secret."""
        return f"Credential(person={self.person.name!r})"

    @classmethod
    def issue(cls, issuer: SigningKey, person: Person, *, now: float, lifetime: timedelta) -> "Credential":
        """Make a key for `person` and vouch for it."""
        private = Ed25519PrivateKey.generate()
        public = SigningKey(team=_PERSON + person.name, private=private).public_key.public_bytes
        certificate = issuer.sign({**_claims("certificate", person, now, lifetime), "pub": public.hex()})
        return cls(certificate=certificate, private=private)

    @classmethod
    def load(cls, path: Path) -> "Credential":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It holds no credential.
        """
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
            private = load_pem_private_key(written["key"].encode(), password=None)
            if not isinstance(private, Ed25519PrivateKey):
                raise TypeError("another kind of key")
            return cls(certificate=written["certificate"], private=private)
        except (KeyError, TypeError, AttributeError, ValueError, InvalidTokenError) as error:
            raise ValueError(f"{str(path)!r} holds no person's credential") from error

    def save(self, path: Path) -> None:
        """Write it to `path`, readable by its owner only."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        fresh.unlink(missing_ok=True)
        # Made with its mode, not given it afterwards, and put in place in one step: at no moment can others read it.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"certificate": self._certificate, "key": pem.decode()}, file)
        fresh.replace(path)

    def state(self, claims: Mapping[str, object], *, now: float) -> str:
        """Return `claims` as a statement of this person."""
        return self._key.sign({**claims, "v": _FORMAT, "typ": "statement", "iat": round(now), "crt": self._certificate})


def read_statement(text: str, *, find_key: FindKey, now: float) -> Statement:
    """Return what a person said, after checking that it was that person.

    A statement has no end of its own: it is about one thing, and what it is about ends.

    Raises:
        InvalidTokenError: It is no statement, not by that person, or by one whose certificate is not good.
    """
    certificate = unchecked(text).get("crt")
    if not isinstance(certificate, str):
        raise InvalidTokenError("this is no statement of a person; it has no certificate")
    vouched = _issued(certificate, "certificate", find_key, now)
    person = _person(vouched)

    def own_key(team: str, key_id: str) -> VerifyingKey | None:
        key = VerifyingKey(team=team, key_id=key_id, public_bytes=_public_bytes(vouched))
        return key if team == _PERSON + person.name else None

    claims = verify(text, own_key)
    _expect(claims, "statement")
    if _number(claims, "iat") > now + LEEWAY_SECONDS:
        raise InvalidTokenError("the statement was made in the future; is the clock of that machine right?")
    return Statement(person=person, claims=claims)


def _claims(kind: str, person: Person, now: float, lifetime: timedelta) -> dict[str, object]:
    return {
        "v": _FORMAT,
        "typ": kind,
        "sub": person.name,
        "rol": list(person.roles),
        "scp": list(person.scopes),
        "iat": round(now),
        "exp": round(now + lifetime.total_seconds()),
    }


def _issued(token: str, kind: str, find_key: FindKey, now: float) -> Mapping[str, object]:
    def issuers_key(team: str, key_id: str) -> VerifyingKey | None:
        return find_key(team, key_id) if team == ISSUER else None

    claims = verify(token, issuers_key)
    _expect(claims, kind)
    if now > _number(claims, "exp") + LEEWAY_SECONDS:
        raise InvalidTokenError(f"the {kind} of {claims.get('sub')!r} has expired; have a new one issued")
    return claims


def _person(claims: Mapping[str, object]) -> Person:
    try:
        return Person.model_validate(
            {"name": claims.get("sub"), "roles": claims.get("rol"), "scopes": claims.get("scp")}
        )
    except ValidationError as error:
        raise InvalidTokenError("it names no person") from error


def _expect(claims: Mapping[str, object], kind: str) -> None:
    if claims.get("v") != _FORMAT or claims.get("typ") != kind:
        raise InvalidTokenError(f"this is no {kind} of a person")


def _number(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise InvalidTokenError(f"{name!r} is no number")


def _public_bytes(claims: Mapping[str, object]) -> bytes:
    try:
        return bytes.fromhex(str(claims.get("pub")))
    except ValueError as error:
        raise InvalidTokenError("the certificate holds no key") from error
