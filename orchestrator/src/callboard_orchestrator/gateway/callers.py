"""Who asks: bearer tokens that the team `inbox` vouches for, and what their scopes allow.

| scope | allows |
|---|---|
| `runs` | to start runs, chats and conversations, and to see, follow and end one's own |
| `act-for` | to say for whom a run is, where that is not oneself |
| `runs-all` | to see, follow and cancel everybody's |
| `approvals` | to see and answer questions for approval |
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from callboard_kit.directory import Directory
from callboard_kit.identity import InvalidTokenError
from callboard_kit.persons import APPROVE, Person, read_token
from callboard_kit.tokens import TOKEN_HEADER
from callboard_orchestrator.gateway.problems import ProblemError
from callboard_orchestrator.runs import UnknownRunError

RUNS: Final = "runs"
RUNS_ALL: Final = "runs-all"
ACT_FOR: Final = "act-for"


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request, proved by a token."""

    person: Person

    @property
    def prefix(self) -> str:
        """What the ids of this caller's runs begin with; nobody else's do."""
        return hashlib.sha256(f"caller:{self.person.name}".encode()).hexdigest()[:12]

    def require(self, scope: str) -> None:
        """Do nothing if the token has `scope`.

        Raises:
            ProblemError: It has not.
        """
        if scope not in self.person.scopes:
            raise ProblemError(403, "missing_scope", f"this needs a token with the scope {scope!r}")

    def may_see(self, run_id: str) -> None:
        """Do nothing if a run is this caller's own, or the caller may see all.

        Raises:
            UnknownRunError: It is not; whether there is such a run is none of their business.
        """
        if not (RUNS_ALL in self.person.scopes or run_id.startswith(f"{self.prefix}-")):
            raise UnknownRunError(f"there is no run {run_id!r}")


class Doorkeeper:
    """Reads the tokens that requests carry."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def caller(self, token: str | None) -> Caller:
        """Return whose token a request carries.

        Raises:
            ProblemError: It carries none, or one that proves nothing.
        """
        if not token:
            raise _unproved("send 'Authorization: Bearer …' with a token that 'callboard persons token' made")
        try:
            # A key that is not known yet may be new: the registry is asked before it counts as unknown.
            await self._directory.prepare({TOKEN_HEADER: token})
            return Caller(read_token(token, find_key=self._directory.find_key, now=time.time()))
        except InvalidTokenError as error:
            raise _unproved(str(error)) from None


_BEARER: Final = HTTPBearer(auto_error=False, description="What `callboard persons token` prints.")


async def _proved(request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Caller:
    """Return who sent a request that has to do with runs."""
    caller = await _caller(request, shown)
    caller.require(RUNS)
    return caller


async def _proved_approver(
    request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    """Return who sent a request that has to do with approvals."""
    caller = await _caller(request, shown)
    caller.require(APPROVE)
    return caller


async def _caller(request: Request, shown: HTTPAuthorizationCredentials | None) -> Caller:
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    return await doorkeeper.caller(None if shown is None else shown.credentials.strip())


RunsCaller = Annotated[Caller, Depends(_proved)]
"""Whoever sent a request, when they may have to do with runs."""

ApprovalsCaller = Annotated[Caller, Depends(_proved_approver)]
"""Whoever sent a request, when they may answer questions."""


def _unproved(detail: str) -> ProblemError:
    return ProblemError(401, "not_authenticated", detail, headers={"www-authenticate": "Bearer"})
