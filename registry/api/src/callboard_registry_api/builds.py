"""Builds that teams vouch for, and the fingerprints of their agents.

The classes have the fields of their messages in `v1/registry.proto`, which says what they mean.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from callboard_registry_api.connection import Connection
from callboard_registry_api.v1 import registry_pb2 as pb


@dataclass(frozen=True)
class AgentFingerprint:
    """What one agent of a build is made of, in digests."""

    agent: str
    digest: str
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build that its team vouches for. One agent may be there several times, in other surroundings for instance."""

    team: str
    build: str
    agents: tuple[AgentFingerprint, ...]
    published: datetime

    @classmethod
    def from_message(cls, message: pb.Build) -> "Build":
        """Read a build off the wire."""
        return cls(
            team=message.team,
            build=message.build,
            agents=tuple(AgentFingerprint(each.agent, each.digest, dict(each.fields)) for each in message.agents),
            published=message.published.ToDatetime(tzinfo=UTC),
        )

    def to_message(self) -> pb.Build:
        """Return the build as it goes over the wire."""
        return pb.Build(
            team=self.team,
            build=self.build,
            agents=[
                pb.AgentFingerprint(agent=each.agent, digest=each.digest, fields=each.fields) for each in self.agents
            ],
            published=self.published,
        )


class BuildsClient:
    """Tells and asks one registry of builds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def publish(self, team: str, build: str, agents: Sequence[AgentFingerprint]) -> bool:
        """Vouch for a build, as the team that signs; returns whether any of it is new."""
        told = [{"agent": each.agent, "digest": each.digest, "fields": dict(each.fields)} for each in agents]
        document = json.dumps({"build": build, "agents": told}).encode()
        request = pb.PublishBuildRequest(team=team, document=document)
        token = self._connection.signed("PublishBuild", document)
        response = await self._connection.call("PublishBuild", request, pb.PublishBuildResponse, token=token)
        return response.changed

    async def withdraw(self, team: str, build: str) -> None:
        """Vouch for a build no more, as the team that signs.

        Raises:
            RegistryNotFoundError: The team vouches for no such build.
        """
        request = pb.WithdrawBuildRequest(team=team, build=build)
        token = self._connection.signed("WithdrawBuild", build.encode())
        await self._connection.call("WithdrawBuild", request, pb.WithdrawBuildResponse, token=token)

    async def list(self, team: str, *, summary: bool = False) -> AsyncIterator[Build]:
        """Yield the builds that a team vouches for, ordered by name; with `summary` without their fields."""
        page = ""
        while True:
            request = pb.ListBuildsRequest(team=team, summary=summary, page_token=page)
            response = await self._connection.call("ListBuilds", request, pb.ListBuildsResponse)
            for each in response.builds:
                yield Build.from_message(each)
            page = response.next_page_token
            if not page:
                return
