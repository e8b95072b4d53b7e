"""Hands a request to the orchestrator and brings back what became of it."""

from temporalio.client import Client, WorkflowFailureError

from callboard_contracts import Deed, MeshError, Message, Usage
from callboard_kit import mesh
from callboard_kit.client import connect
from callboard_kit.failing import from_failure
from callboard_kit.settings import Settings
from callboard_kit.tokens import Origin

ORCHESTRATOR = "orchestrator"


class Settled(Message):
    """How a request ended."""

    run_id: str = ""
    """The root of its tree of calls: what its events and its call records are found under."""

    answer: str
    """What the orchestrator says, in plain language."""

    calls: tuple[Deed, ...] = ()
    """What it called itself, in order; what the teams called in turn is not here."""

    usage: Usage = Usage()

    @property
    def cost(self) -> str:
        """Return what it cost, in words; US dollars only where a price is known."""
        words = f"{self.usage.input_tokens} tokens read, {self.usage.output_tokens} written"
        return words if self.usage.cost_usd is None else f"{words}, US$ {self.usage.cost_usd:.4f}"

    def as_json(self) -> dict[str, object]:
        """Return it as `callboard run --json` prints it."""
        return self.model_dump(mode="json")


async def settle(words: str, *, root: str, person: str | None = None) -> Settled:
    """Have a request in words planned and carried out.

    Args:
        words: What is asked for.
        root: The id for its tree of calls.
        person: Whom it is for.

    Raises:
        MeshError: The orchestrator refused it or failed.
        ConnectError: Temporal does not answer.
    """
    return await start(await connect(ORCHESTRATOR), "Orchestrate", {"words": words}, root=root, person=person)


async def start(
    client: Client, workflow: str, request: dict[str, object], *, root: str, person: str | None = None
) -> Settled:
    """Run one of the orchestrator's workflows and return what it settled.

    Args:
        client: Of the orchestrator's namespace, with the plugin.
        workflow: Its name.
        request: Its input.
        root: The id for its tree of calls.
        person: Whom it is for.

    Raises:
        MeshError: It was refused or failed.
    """
    what = f"{workflow} {root}"
    with mesh.starting(Origin(root=root, person=person)):
        handle = await client.start_workflow(
            workflow,
            {**request, "person": person} if person else request,
            id=f"{ORCHESTRATOR}-{workflow}-{root}",
            task_queue=Settings.from_environment().physical(ORCHESTRATOR),
            result_type=Settled,
        )
    try:
        settled: Settled = await handle.result()
    except WorkflowFailureError as error:
        raise from_failure(error, what=what) or MeshError(f"{what} was cancelled") from error
    return settled.model_copy(update={"run_id": root})
