"""Starts the composing workflows, for whoever stands outside of them: the command, the gateway, tests.

client = await connect("orchestrator")
settled = await orchestrate(client, "Please cancel my order #W1000001, it was a mistake.")
"""

import uuid

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy

from callboard_kit import mesh
from callboard_kit.limits import Limits
from callboard_kit.settings import Settings
from callboard_kit.tokens import Origin
from callboard_orchestrator.messages import Approvals, Relocated, Relocation, Request, Settled
from callboard_orchestrator.workflows import Orchestrate, Relocate

TEAM = "orchestrator"


async def orchestrate(
    client: Client,
    words: str,
    *,
    person: str | None = None,
    root: str | None = None,
    limits: Limits | None = None,
    approvals: Approvals = "none",
) -> Settled:
    """Have a request in words settled and wait for what comes of it. The arguments are those of `start_orchestrate`.

    Raises:
        WorkflowFailureError: It could not be settled; the cause says why.
    """
    handle = await start_orchestrate(client, words, person=person, root=root, limits=limits, approvals=approvals)
    return await handle.result()


async def start_orchestrate(
    client: Client,
    words: str,
    *,
    person: str | None = None,
    root: str | None = None,
    limits: Limits | None = None,
    approvals: Approvals = "none",
) -> WorkflowHandle[Orchestrate, Settled]:
    """Start a tree of calls that settles a request in words.

    Args:
        client: A client of the orchestrator's namespace with the `MeshPlugin`.
        words: What is wanted, in plain language.
        person: Whom it is done for.
        root: The id of the tree; the workflow's is `orchestrator-orchestrate-<root>`. Absent: one is made up. No
            id is used twice, so that whoever repeats a start meets an error instead of a second effect.
        limits: What the whole tree may use up.
        approvals: What a person must agree to before it is called.

    Raises:
        WorkflowAlreadyStartedError: There is a tree with this id.
    """
    origin = _origin(person, root, limits)
    with mesh.starting(origin):
        return await client.start_workflow(
            Orchestrate.run,
            Request(words=words, approvals=approvals),
            id=f"{TEAM}-orchestrate-{origin.root}",
            task_queue=_task_queue(),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )


async def relocate(
    client: Client, relocation: Relocation, *, person: str | None = None, root: str | None = None
) -> Relocated:
    """Give a customer who moved the new address everywhere and wait for what comes of it.

    Raises:
        WorkflowFailureError: There is no such customer, or nobody who knows.
    """
    handle = await start_relocate(client, relocation, person=person, root=root)
    return await handle.result()


async def start_relocate(
    client: Client, relocation: Relocation, *, person: str | None = None, root: str | None = None
) -> WorkflowHandle[Relocate, Relocated]:
    """Start a tree of calls that gives a customer who moved the new address; arguments as for `start_orchestrate`."""
    origin = _origin(person, root, None)
    with mesh.starting(origin):
        return await client.start_workflow(
            Relocate.run,
            relocation,
            id=f"{TEAM}-relocate-{origin.root}",
            task_queue=_task_queue(),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )


def _origin(person: str | None, root: str | None, limits: Limits | None) -> Origin:
    return Origin(root=root or uuid.uuid4().hex[:16], person=person, limits=limits or Limits())


def _task_queue() -> str:
    return Settings.from_environment().queue_for(TEAM)
