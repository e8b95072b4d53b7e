"""The gateway as an application: its routes, and what it holds while it runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from callboard_kit.client import connect, load_key
from callboard_kit.directory import Directory, RegistryDirectory
from callboard_kit.events.sweeping import keep_sweeping
from callboard_kit.events.writing import open_redis
from callboard_kit.publishing import registry_signature
from callboard_kit.registry import registry_client
from callboard_kit.settings import Settings
from callboard_orchestrator.conversations import Conversations, open_conversations
from callboard_orchestrator.gateway import approvals, chat, problems
from callboard_orchestrator.gateway import conversations as conversation_routes
from callboard_orchestrator.gateway import runs as run_routes
from callboard_orchestrator.gateway.bodies import LimitedBodies
from callboard_orchestrator.gateway.callers import Doorkeeper
from callboard_orchestrator.inbox.client import InboxClient, connect_inbox
from callboard_orchestrator.runs import READER, TEAM, Runs, open_runs


@dataclass(frozen=True)
class Parts:
    """What the gateway works with."""

    runs: Runs
    directory: Directory
    """Who vouches for the keys that tokens are signed with."""

    questions: InboxClient
    """What waits for persons."""

    conversations: Conversations


def create_app(parts: Parts) -> FastAPI:
    """Build the gateway around its parts."""
    app = FastAPI(
        title="Callboard gateway",
        description="Runs of the mesh, over HTTP. Every error is a problem in `application/problem+json`.",
        version="1",
        docs_url=None,
        redoc_url=None,
    )
    app.state.doorkeeper = Doorkeeper(parts.directory)
    problems.install(app)
    app.add_middleware(LimitedBodies)
    app.include_router(run_routes.router(parts.runs))
    app.include_router(chat.router(parts.runs))
    app.include_router(approvals.router(parts.questions))
    app.include_router(conversation_routes.router(parts.conversations))

    @app.get("/healthz", tags=["health"])
    async def health() -> dict[str, str]:
        """Say that the gateway serves."""
        return {"status": "ok"}

    return app


@asynccontextmanager
async def parts_of(settings: Settings) -> AsyncGenerator[Parts]:
    """Connect to the mesh that `settings` describe.

    Raises:
        SettingsError: It is not said where the registry is.
        KeyFileError: The orchestrator's key cannot be read.
        ConnectError: Temporal does not answer.
    """
    sign = registry_signature(load_key(TEAM, settings))
    client = await connect(TEAM, settings=settings)
    questions = InboxClient(await connect_inbox(settings))
    async with (
        registry_client(settings, sign=sign) as registry,
        open_runs(settings, client=client) as runs,
        open_conversations(settings, client=client) as conversations,
    ):
        cache = settings.home / "cache" / "gateway.json"
        directory = RegistryDirectory(team=TEAM, client=registry, cache=cache, longest_age=settings.longest_age)
        directory.load()
        await directory.refresh()
        working = {asyncio.create_task(directory.follow()), asyncio.create_task(_sweeping(settings))}
        try:
            yield Parts(runs, directory, questions, conversations)
        finally:
            for task in working:
                task.cancel()
            await asyncio.wait(working)


async def _sweeping(settings: Settings) -> None:
    if (url := settings.redis_for(READER)) is not None:
        async with open_redis(url) as redis:
            await keep_sweeping(redis)
