"""A person at the inbox: answers whatever a run asks, by a rule, as somebody at the command would."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from callboard_contracts import RefusedError
from callboard_contracts.inbox import v1 as inbox
from callboard_kit.client import load_key
from callboard_kit.persons import APPROVE, Credential, Person
from callboard_orchestrator.client import start_orchestrate
from callboard_orchestrator.inbox.client import InboxClient
from callboard_orchestrator.inbox.messages import Asked
from callboard_orchestrator.messages import Approvals
from tests.playing.stage import Played, Stage
from tests.playing.tasks import Task

_BETWEEN_LOOKS = 0.05


class Approver:
    """Answers the questions of one run."""

    def __init__(self, stage: Stage, client: InboxClient, *, name: str = "ada") -> None:
        self.inbox = client
        person = Person(name=name, roles=("finance",), scopes=(APPROVE,))
        issuer = load_key("inbox", stage.settings)
        self.credential = Credential.issue(issuer, person, now=time.time(), lifetime=timedelta(hours=1))
        self.answered: list[tuple[Asked, inbox.Verdict]] = []

    async def waiting(self, root: str, *, within: float = 30) -> list[Asked]:
        """Wait until something of a tree waits, and return all that does."""
        async with asyncio.timeout(within):
            while True:
                if found := [each async for each in self.inbox.waiting(root=root)]:
                    return found
                await asyncio.sleep(_BETWEEN_LOOKS)

    @asynccontextmanager
    async def answering(self, root: str, *, approve: bool = True) -> AsyncIterator[None]:
        """Answer everything that a tree asks in this block."""
        answering = asyncio.create_task(self._answer_all(root, approve=approve))
        try:
            yield
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    async def _answer_all(self, root: str, *, approve: bool) -> None:
        while True:
            async for asked in self.inbox.waiting(root=root):
                try:
                    verdict = await self.inbox.answer(asked.gate, self.credential, approve=approve)
                except RefusedError:
                    continue  # The list is a moment behind: it was answered the last time round.
                self.answered.append((asked, verdict))
            await asyncio.sleep(_BETWEEN_LOOKS)


@asynccontextmanager
async def approver(stage: Stage) -> AsyncIterator[Approver]:
    """Give somebody access to the inbox of a mesh."""
    yield Approver(stage, InboxClient(await stage.client("inbox")))


async def play_with_approval(
    stage: Stage, person: Approver, task: Task, *, approvals: Approvals = "effects", approve: bool = True
) -> Played:
    """Have one task settled whose calls a person must agree to, and have them agree or not."""
    began = time.monotonic()
    root = f"{task.id}-{approvals}-{int(began * 1000)}"
    handle = await start_orchestrate(await stage.client("orchestrator"), task.words, root=root, approvals=approvals)
    async with person.answering(root, approve=approve):
        settled = await handle.result()
    return await stage.finished(task, handle, settled, began)


def writes_made(task: Task, played: Played) -> list[str]:
    """Return the writes that were asked for in a form that their contract takes, in order."""
    tools = {action.tool: action.name for action in task.actions if action.writes}
    return [tools[told.tool] for told in played.told if told.tool in tools and told.error_kind != "malformed"]
