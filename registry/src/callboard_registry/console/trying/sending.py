"""Sends what somebody tries, as one of the mesh's teams, and finds it again.

A call of this process is a call like any other: signed with the team's key, bounded, judged by the provider's policy,
on record. It is named by chance and by who tries it, so that sending a form twice is one call, and nobody finds
somebody else's.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_kit.persons import ISSUER
from callboard_registry.refusals import Refusal
from callboard_registry.signin.configuration import ConsoleSettings
from callboard_registry.signin.roles import EVERY, Visitor

if TYPE_CHECKING:
    from temporalio.client import Client, NexusClient

PATIENCE: Final = 2.0
"""Seconds that a page waits for an answer before it says that the call is under way."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One call that somebody tries."""

    team: str
    """As whom."""

    service: ServiceDescription
    operation: OperationDescription
    name: str
    """What tells it from others of the same person: made up when the form was shown."""

    person: str

    @property
    def id(self) -> str:
        """What Temporal calls it."""
        return f"try-{hashlib.sha256(self.person.encode()).hexdigest()[:12]}-{self.name}"

    @property
    def root(self) -> str:
        """The id of its tree of calls."""
        return self.id


@dataclass(frozen=True)
class Outcome:
    """What came of a call."""

    state: Literal["under way", "ok", "refused", "unavailable", "failed"]
    value: object = None
    message: str = ""


class CannotSendError(Exception):
    """Nothing can be sent from here; the message says why and what to do."""


class Sending:
    """Clients of the teams as which calls may be tried."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        self._clients: dict[str, Client] = {}

    def teams(self, visitor: Visitor) -> list[str]:
        """Return the teams as which this person may call from here."""
        allowed, member = self._settings.callers, self._settings.member
        held = sorted(path.stem for path in (member.home / "keys").glob("*.pem")) if allowed else []
        return [
            team
            for team in held
            if team != ISSUER and (EVERY in allowed or team in allowed) and visitor.may("publisher", team)
        ]

    async def send(self, attempt: Attempt, value: Mapping[str, object]) -> None:
        """Send a call; when it was sent before, it is that one.

        Raises:
            Refusal: It cannot be sent as it is.
            CannotSendError: Temporal or the team's key cannot be reached.
        """
        # The kit's client brings Temporal along, which only who tries something pays for.
        from temporalio.common import NexusOperationIDConflictPolicy, NexusOperationIDReusePolicy
        from temporalio.exceptions import NexusOperationAlreadyStartedError
        from temporalio.service import RPCError

        from callboard_contracts import MeshError
        from callboard_kit import mesh
        from callboard_kit.tokens import Origin

        client = await self._client(attempt.team)
        # Named by a text, it has no type of its own.
        nexus = cast(
            "NexusClient[object]",
            client.create_nexus_client(attempt.service.service, attempt.service.endpoint),  # pyright: ignore[reportUnknownMemberType] - as above
        )
        try:
            with mesh.starting(Origin(root=attempt.root, person=attempt.person)):
                await nexus.start_operation(
                    attempt.operation.name,
                    value,
                    id=attempt.id,
                    id_conflict_policy=NexusOperationIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=NexusOperationIDReusePolicy.REJECT_DUPLICATE,
                    schedule_to_close_timeout=attempt.operation.promise.longest,
                )
        except NexusOperationAlreadyStartedError:
            return
        except MeshError as error:
            raise Refusal("conflict", "", str(error)) from error
        except RPCError as error:
            raise CannotSendError(f"Temporal does not take the call: {error.message}") from error

    async def outcome(self, attempt: Attempt) -> Outcome:
        """Return what came of a call, after a moment's patience.

        Raises:
            Refusal: There is no such call.
            CannotSendError: Temporal cannot be reached.
        """
        from temporalio.client import NexusOperationFailureError
        from temporalio.service import RPCError, RPCStatusCode

        from callboard_contracts import MeshError, RefusedError, UnavailableError

        client = await self._client(attempt.team)
        handle = client.get_nexus_operation_handle(attempt.id, result_type=dict[str, object])
        waiting = asyncio.ensure_future(handle.result())
        try:
            return Outcome("ok", await asyncio.wait_for(waiting, PATIENCE))
        except TimeoutError:
            return Outcome("under way")
        except RefusedError as error:
            return Outcome("refused", message=str(error))
        except UnavailableError as error:
            return Outcome("unavailable", message=str(error))
        except MeshError as error:
            return Outcome("failed", message=str(error))
        except NexusOperationFailureError:
            return Outcome("failed", message="it was ended from outside")
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise Refusal("not_found", "", "there is no such call of yours, or not any more") from error
            raise CannotSendError(f"Temporal does not answer: {error.message}") from error

    async def _client(self, team: str) -> "Client":
        if team not in self._clients:
            from callboard_kit.client import ConnectError, KeyFileError, connect
            from callboard_kit.settings import SettingsError

            try:
                self._clients[team] = await connect(team, settings=self._settings.member)
            except (ConnectError, KeyFileError, SettingsError) as error:
                raise CannotSendError(str(error)) from error
        return self._clients[team]
