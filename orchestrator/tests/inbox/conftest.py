import asyncio
import sys
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

sys.path.insert(0, str(Path(__file__).parent))

from depot import Assist, BankService, Books, Errand, MoveMoney, OfficeService, Work
from depot_contracts import Bank, Office

from callboard_kit import Policy, Rule, mesh
from callboard_kit.agent import Outcome
from callboard_kit.persons import Credential, Person
from callboard_kit.teams import Team
from callboard_kit.testing import LocalMesh, ScriptedModel
from callboard_kit.tokens import Origin
from callboard_orchestrator.inbox.client import InboxClient
from callboard_orchestrator.inbox.messages import Asked
from callboard_orchestrator.inbox.service import InboxService
from callboard_orchestrator.inbox.workflows import Gate

TEAMS = ("inbox", "depot", "office", "bank")
OPEN = Policy(rules=(Rule(name="all", callers=("*",), services=("office.v1", "bank.v1"), on_behalf_of=("*",)),))


@dataclass
class Depot:
    """Everything a test of approvals needs."""

    mesh: LocalMesh
    inbox: InboxClient
    books: Books
    stack: AsyncExitStack
    client: Client | None = None

    def credential(self, name: str, *roles: str, scopes: tuple[str, ...] = ("approvals",)) -> Credential:
        person = Person(name=name, roles=roles, scopes=scopes)
        return Credential.issue(self.mesh.keys["inbox"], person, now=time.time(), lifetime=timedelta(hours=1))

    @asynccontextmanager
    async def worker(self, *steps: Any) -> AsyncGenerator[ScriptedModel]:
        """Run the worker's own worker, with a model that says `steps`."""
        model = ScriptedModel(*steps)
        async with self.mesh.member(
            "depot", workflows=[Work], activities=[model.call_model, self.books.send], contracts=[Office, Bank]
        ) as client:
            self.client = client
            yield model

    async def start(self, goal: str = "Send it.", *, root: str = "", **more: Any) -> WorkflowHandle[Work, Outcome]:
        assert self.client is not None
        root = root or f"tree-{uuid.uuid4().hex[:8]}"
        with mesh.starting(Origin(root=root, person="the customer")):
            return await self.client.start_workflow(
                Work.run, Errand(goal=goal, **more), id=f"work-{root}", task_queue="depot"
            )

    async def asked(self, root: str = "", *, count: int = 1, team: str = "") -> list[Asked]:
        """Wait until so many questions wait in a tree, and return them."""
        async with asyncio.timeout(60):
            while True:
                found = [each async for each in self.inbox.waiting(root=root, team=team)]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.05)

    async def none_waits(self, root: str) -> None:
        """Wait until nothing waits in a tree any more."""
        async with asyncio.timeout(60):
            while True:
                if not [each async for each in self.inbox.waiting(root=root)]:
                    return
                await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
async def inbox_mesh() -> AsyncGenerator[LocalMesh]:
    async with LocalMesh.running(teams=TEAMS) as local:
        yield local


@pytest.fixture(scope="session")
async def inbox_worker(inbox_mesh: LocalMesh) -> AsyncGenerator[Client]:
    policy = Team.load("callboard_orchestrator.inbox").policy
    async with inbox_mesh.member("inbox", services=[InboxService()], workflows=[Gate], policy=policy) as client:
        yield client


@pytest.fixture
async def depot(inbox_mesh: LocalMesh, inbox_worker: Client) -> AsyncGenerator[Depot]:
    books = Books()
    async with AsyncExitStack() as stack:
        yield Depot(inbox_mesh, InboxClient(await inbox_mesh.bare_client("inbox")), books, stack)


@pytest.fixture
def teams(depot: Depot) -> Callable[..., Any]:
    """Run the office and the bank, with an agent of the office that says what it is told."""

    @asynccontextmanager
    async def run(*steps: Any, bank: Policy = OPEN) -> AsyncGenerator[None]:
        model = ScriptedModel(*steps)
        async with (
            depot.mesh.member(
                "office",
                services=[OfficeService()],
                workflows=[Assist],
                activities=[model.call_model],
                policy=OPEN,
                contracts=[Office, Bank],
            ),
            depot.mesh.member(
                "bank",
                services=[BankService()],
                workflows=[MoveMoney],
                activities=[depot.books.book],
                policy=bank,
                contracts=[Bank],
            ),
        ):
            yield

    return run
