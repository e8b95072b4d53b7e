"""What the registry answers about builds."""

from dataclasses import replace

from callboard_registry.access import Proving
from callboard_registry.builds.keeping import KeptBuilds
from callboard_registry.builds.reading import read_build, require_build
from callboard_registry.database import Database
from callboard_registry.paging import page_size, position_of, token_at
from callboard_registry.refusals import Refusal
from callboard_registry.threads import Threads
from callboard_registry_api.builds import Build
from callboard_registry_api.client import Page


class Builds:
    """Keeps which fingerprints the agents of a build have, for those who must tell a rollout from drift."""

    def __init__(self, database: Database, *, threads: Threads, proving: Proving) -> None:
        self._threads = threads
        self._proving = proving
        self._kept = KeptBuilds(database)

    async def publish(self, team: str, document: bytes, *, token: str | None) -> bool:
        """Keep what the team that signed says of a build; returns whether any of it is new."""

        def checked():
            proof = self._proving.team(token, "PublishBuild", document)
            _require_same(team, proof.team)
            return proof.signed_at, read_build(document)

        signed_at, (build, agents) = await self._threads.read(checked)
        return await self._threads.write(lambda: self._kept.add(team, build, agents, signed_at=signed_at))

    async def withdraw(self, team: str, build: str, *, token: str | None) -> None:
        """Vouch for a build no more, for the team that signed."""

        def checked() -> int:
            proof = self._proving.team(token, "WithdrawBuild", build.encode())
            _require_same(team, proof.team)
            require_build(build, "build")
            return proof.signed_at

        signed_at = await self._threads.read(checked)
        if not await self._threads.write(lambda: self._kept.withdraw(team, build, at=signed_at)):
            raise Refusal("not_found", "build", f"{team!r} vouches for no build {build!r}")

    async def list(self, team: str, *, summary: bool = False, size: int = 0, page_token: str = "") -> Page[Build]:
        """Return one page of the builds that a team vouches for, ordered by name."""
        if not team:
            raise Refusal("invalid", "team", "it must be said whose builds; name a team")
        filters = ["builds", team]
        limit = page_size(size, default=20, most=100)
        after = str(position_of(page_token, like=("",), filters=filters)[0]) if page_token else ""
        found, more = await self._threads.read(lambda: self._kept.page(team, after=after, limit=limit))
        last = found[-1].build if found else ""
        if summary:
            found = [
                replace(build, agents=tuple(replace(agent, fields={}) for agent in build.agents)) for build in found
            ]
        return Page(tuple(found), token_at((last,), filters=filters) if more else "")


def _require_same(team: str, signer: str) -> None:
    if signer != team:
        raise Refusal("denied", "team", f"this is about {team!r}, but {signer!r} signed it")
