"""What a person says to a question, signed so that whoever asked can check it.

An answer names the digest of the whole question as it was shown: it is good for that question, for those arguments
and for no other.
"""

import json
from dataclasses import dataclass
from typing import Final

from callboard_contracts.inbox import v1 as inbox
from callboard_kit.identity import FindKey, InvalidTokenError, digest, unchecked
from callboard_kit.persons import APPROVE, Credential, Person, Statement, read_statement

MOST_WORDS: Final = 1000
"""Characters that a person may say about an answer."""


@dataclass(frozen=True)
class Answer:
    """What somebody decided about one question."""

    person: Person
    approve: bool
    remember: bool = False
    """Whether it is meant for everything of the kind that the same run asks for."""

    reason: str = ""


def question_digest(question: inbox.Question) -> str:
    """Return what names a question and everything in it."""
    document = question.model_dump(mode="json")
    return digest(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def sign_answer(
    credential: Credential,
    question: inbox.Question,
    *,
    approve: bool,
    now: float,
    remember: bool = False,
    reason: str = "",
) -> str:
    """Return a person's answer to `question` as a signed statement.

    Raises:
        ValueError: The reason is too long.
    """
    if len(reason) > MOST_WORDS:
        raise ValueError(f"the reason has {len(reason)} characters; {MOST_WORDS} is the limit")
    claims = {"dig": question_digest(question), "yes": approve, "rem": remember and approve, "why": reason}
    return credential.state(claims, now=now)


def read_answer(statement: str, question: inbox.Question, *, find_key: FindKey, now: float) -> Answer:
    """Return what a person answered to exactly this question, after checking that it was that person.

    Raises:
        InvalidTokenError: The statement proves nothing, is about another question, or its person may not answer any.
    """
    said = read_statement(statement, find_key=find_key, now=now)
    if said.claims.get("dig") != question_digest(question):
        raise InvalidTokenError("the answer is to another question, or the question was changed")
    if APPROVE not in said.person.scopes:
        raise InvalidTokenError(f"{said.person.name!r} has no right to answer; the credential lacks scope {APPROVE!r}")
    return _answer(said)


def accepted_answer(statement: str) -> Answer:
    """Return what a statement says that `read_answer` took before; it is not checked a second time."""
    claims = unchecked(statement)
    certificate = unchecked(str(claims.get("crt")))
    person = Person.model_validate({"name": certificate["sub"], "roles": certificate["rol"]})
    return _answer(Statement(person=person, claims=claims))


def _answer(said: Statement) -> Answer:
    claims = said.claims
    if not isinstance(claims.get("yes"), bool):
        raise InvalidTokenError("the statement says neither yes nor no")
    return Answer(
        person=said.person,
        approve=claims["yes"] is True,
        remember=claims.get("rem") is True,
        reason=str(claims.get("why") or "")[:MOST_WORDS],
    )
