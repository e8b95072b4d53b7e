"""The worker's side: an activity is not started for an agent that this worker does not have and nobody vouches for."""

import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from callboard_kit.events import DriftAllowed, tell
from callboard_kit.fingerprint.carrying import AGENT_HEADER, DRIFT, Carried
from callboard_kit.fingerprint.taking import Fingerprint, Surroundings

logger: Final = logging.getLogger(__name__)

_SHOWN: Final = 19
"""Characters of a digest in a message: `sha256:` and twelve more."""


class Vouching(Protocol):
    """Knows the fingerprints of all builds that the team vouches for."""

    async def vouched(self, agent: str, digest: str) -> bool | None:
        """Tell whether a build has this fingerprint; None when nobody can be asked."""
        ...


class DriftCheck:
    """What a worker has, to hold against what its activities carry.

    Args:
        build: The build that it is.
        agents: The fingerprints of the agents it runs; two may have one name. None: it does not say, and nothing is
            checked.
        vouching: Who knows of other builds. Absent: there are none.
        surroundings: What its agents have from the worker.
    """

    def __init__(
        self,
        *,
        build: str = "",
        agents: Sequence[Fingerprint] | None = None,
        vouching: Vouching | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.surroundings = surroundings or Surroundings()
        self._build = build
        self._agents = agents
        self._vouching = vouching

    async def check(self, carried: Carried) -> None:
        """Let an activity start, or not.

        Raises:
            ApplicationError: It must not start; another attempt helps only where nobody could be asked.
        """
        if carried.terms.build not in ("", self._build):
            raise self._drift(
                f"the run is to work on build {carried.terms.build!r} only, and this worker is build {self._build!r}; "
                "start a worker of that build, or the run without it"
            )
        if self._agents is None:
            return
        own = [each for each in self._agents if each.agent == carried.agent]
        if any(each.digest == carried.digest for each in own):
            return
        vouched = False if self._vouching is None else await self._vouching.vouched(carried.agent, carried.digest)
        if vouched:
            return
        if carried.terms.break_glass:
            logger.warning(
                "agent %r drifted, and goes on since whoever started the run broke the glass: %s",
                carried.agent,
                carried.terms.break_glass,
            )
            tell(DriftAllowed(agent=carried.agent, build=self._build, reason=carried.terms.break_glass))
            return
        if vouched is None:
            raise ApplicationError(
                f"agent {carried.agent!r} of this run is not what this worker has, and the registry cannot be asked "
                "whether another build of the team has it",
                type="UnavailableError",
            )
        raise self._drift(self._words(carried, own), *own)

    def _words(self, carried: Carried, own: Sequence[Fingerprint]) -> str:
        theirs = f"agent {carried.agent!r} of this run is {carried.digest[:_SHOWN]}"
        shown = " and ".join(each.digest[:_SHOWN] for each in own)
        ours = f"build {self._build!r} of this worker has {shown}" if own else "this worker has none"
        return (
            f"{theirs}, {ours}, and no build that the team vouches for has the former; vouch for it with "
            "`callboard agents publish`, or stop the worker that runs it"
        )

    @staticmethod
    def _drift(words: str, *own: Fingerprint) -> ApplicationError:
        return ApplicationError(words, *(each.model_dump(mode="json") for each in own), type=DRIFT, non_retryable=True)


class CheckingInbound(ActivityInboundInterceptor):
    """Checks each activity that carries an agent before it starts."""

    def __init__(self, next: ActivityInboundInterceptor, *, check: DriftCheck) -> None:
        super().__init__(next)
        self._check = check

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # Any: as in the base class
        """Run the activity when its agent is the one that this worker has, or another build's."""
        payload = input.headers.get(AGENT_HEADER)
        if payload is not None:
            await self._check.check(Carried.from_json(payload.data))
        return await super().execute_activity(input)
