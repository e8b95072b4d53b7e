"""How the console reaches the inbox: through the gateway, as the person who is signed in.

The gateway takes no answer but one that the person has signed. Here the person is who signed in, and this process
signs for them, as whoever holds the inbox's key may: it vouches for a key of theirs, signs one answer with it, and
forgets it.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, cast

from pydantic import TypeAdapter

from callboard_contracts import Message
from callboard_contracts.inbox import v1 as inbox
from callboard_kit.approvals.answers import question_digest, sign_answer
from callboard_kit.identity import SigningKey
from callboard_kit.persons import APPROVE, ISSUER, Credential, Person, issue_token
from callboard_registry.refusals import Refusal
from callboard_registry.signin.configuration import ConsoleSettings
from callboard_registry.signin.roles import Visitor

MOST: Final = 200
"""Questions that are shown at once, the newest first."""

_TOKEN_LIFE: Final = timedelta(minutes=1)
_ANSWER_LIFE: Final = timedelta(days=31)
"""For how long an answer can be checked. Its key is gone long before: nothing else can be signed with it."""

_TIMEOUT: Final = 10.0


class Asked(Message):
    """A question as the gateway shows it."""

    gate: str
    root: str
    team: str
    """The team that asks."""

    chain: tuple[str, ...]
    """The teams from the root of the tree down to the one that asks."""

    person: str | None = None
    """Whom the tree acts for."""

    question: inbox.Question
    at: datetime
    until: datetime
    approvers: tuple[str, ...]
    escalated: bool = False

    @property
    def digest(self) -> str:
        """What names the question and everything in it."""
        return question_digest(self.question)


class Found(Message):
    """A question, and where it stands."""

    asked: Asked
    state: Literal["waiting", "approved", "refused", "expired", "withdrawn"] = "waiting"
    verdict: inbox.Verdict | None = None


class UnavailableInboxError(Exception):
    """The inbox cannot be reached from here; the message says why and what to do."""


class Questions:
    """What waits for persons, and how they answer."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings

    async def waiting(self, visitor: Visitor, *, root: str = "") -> list[Asked]:
        """Return what waits for this person, newest first.

        Raises:
            Refusal: The question makes no sense.
            UnavailableInboxError: The inbox cannot be reached.
        """
        asked: dict[str, str | int] = {"limit": MOST, "root": root}
        told = await self._ask("GET", "/v1/approvals", visitor, query=asked)
        found = TypeAdapter(list[Asked]).validate_python(told.get("approvals", []))
        return [each for each in found if visitor.may("approver", each.team)]

    async def find(self, visitor: Visitor, gate: str) -> Found:
        """Return one question that is or was for this person.

        Raises:
            Refusal: There is none by this name.
            UnavailableInboxError: The inbox cannot be reached.
        """
        found = Found.model_validate(await self._ask("GET", f"/v1/approvals/{gate}", visitor))
        if not visitor.may("approver", found.asked.team):
            raise Refusal("not_found", "gate", f"there is no question {gate!r} that is for you")
        return found

    async def answer(self, visitor: Visitor, asked: Asked, *, approve: bool, remember: bool, reason: str) -> None:
        """Hand in this person's answer. The first one counts.

        Raises:
            Refusal: It does not count, because of what the message says.
            UnavailableInboxError: The inbox cannot be reached.
        """
        now = time.time()
        credential = Credential.issue(self._key(), _person(visitor), now=now, lifetime=_ANSWER_LIFE)
        try:
            statement = sign_answer(
                credential, asked.question, approve=approve, now=now, remember=remember, reason=reason
            )
        except ValueError as error:
            raise Refusal("invalid", "reason", str(error)) from error
        await self._ask("POST", f"/v1/approvals/{asked.gate}", visitor, body={"statement": statement})

    def _key(self) -> SigningKey:
        path: Path = self._settings.member.key_path(ISSUER)
        try:
            return SigningKey.load(path, team=ISSUER)
        except (OSError, ValueError, TypeError) as error:
            raise UnavailableInboxError(
                f"this registry cannot vouch for persons: it has no key of {ISSUER!r} at {str(path)!r};"
                " questions are answered by `callboard approvals`"
            ) from error

    async def _ask(
        self,
        method: str,
        path: str,
        visitor: Visitor,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Mapping[str, object]:
        if not self._settings.gateway:
            raise UnavailableInboxError(
                "this registry does not know where the gateway is, which carries questions; CALLBOARD_CONSOLE_GATEWAY"
                " says where"
            )
        token = issue_token(self._key(), _person(visitor), now=time.time(), lifetime=_TOKEN_LIFE)
        encrypted = self._settings.gateway.startswith("https://")
        # Only who asks pays for it: the registry starts without.
        import httpx2

        try:
            async with httpx2.AsyncClient(
                base_url=self._settings.gateway, timeout=_TIMEOUT, verify=encrypted, trust_env=False
            ) as http:
                answer = await http.request(
                    method, path, params=query, json=body, headers={"authorization": f"Bearer {token}"}
                )
                told = cast("dict[str, object]", answer.json())
        except (httpx2.HTTPError, ValueError) as error:
            raise UnavailableInboxError(
                f"the gateway does not answer at {self._settings.gateway!r}; is it running?"
            ) from error
        if answer.status_code >= 500 or answer.status_code in (401, 403):
            raise UnavailableInboxError(f"the gateway says: {told.get('detail')}")
        if answer.status_code != 200:
            kind = "not_found" if method == "GET" else "conflict"
            raise Refusal(kind, "gate", str(told.get("detail", "the gateway refuses without saying why")))
        return told


def _person(visitor: Visitor) -> Person:
    return Person(name=visitor.name, roles=visitor.roles, scopes=(APPROVE,))
