"""A team that writes its operation with Pydantic AI is as good a member as any: the example of the page runs."""

import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic_ai.durable_exec.temporal import PydanticAIPlugin
from temporalio.client import Client, WorkflowFailureError

sys.path.insert(0, str(Path(__file__).parent))

import valuer_room
from valued import Shop, ShopService, Valuation, Valuer, Wonder
from valuer_room import Value, ValuerService

from callboard_kit import Policy, Rule
from callboard_kit.ports import free_ports
from callboard_kit.testing import LocalMesh

SHOPS = Policy(rules=(Rule(name="valuers", callers=("valuer",), services=("shop.v1",), on_behalf_of=("buyer",)),))
VALUERS = Policy(rules=(Rule(name="buyers", callers=("buyer",), services=("valuer.v1",)),))


KEY = "key-of-the-tests"


@contextlib.asynccontextmanager
async def offline_model() -> AsyncGenerator[httpx2.AsyncClient]:
    """Run the offline model, which speaks OpenAI's protocol, as a process."""
    port = free_ports(1)[0]
    command = (sys.executable, "-m", "callboard.offline_model", "--port", str(port), "--api-key", KEY)
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http, asyncio.timeout(60):
            while True:
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get("/offline/health")).is_success:
                        break
                await asyncio.sleep(0.05)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            yield http
    finally:
        process.terminate()
        await process.wait()


@dataclass
class Place:
    offline: httpx2.AsyncClient
    shop: ShopService
    buyer: Client

    async def wonder(self, text: str, *steps: dict[str, Any]) -> Valuation:
        """Ask what something is worth; the model takes the steps that a test gives."""
        script = {"id": text, "match": text, "equals": True, "steps": steps}
        (await self.offline.post("/offline/scripts", json=script)).raise_for_status()
        return await self.buyer.execute_workflow(
            Wonder.run, text, id=f"wonder-{uuid.uuid4().hex[:8]}", task_queue="buyer"
        )


@pytest.fixture(scope="module")
async def place() -> AsyncGenerator[Place]:
    shop = ShopService()
    contracts = (Shop, Valuer)
    async with offline_model() as offline, LocalMesh.running(("shop", "valuer", "buyer")) as mesh:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_BASE_URL", str(offline.base_url.join("/v1")))
            patch.setenv("OPENAI_API_KEY", KEY)
            async with (
                mesh.member("shop", services=[shop], policy=SHOPS, contracts=contracts),
                mesh.member(
                    "valuer",
                    services=[ValuerService()],
                    workflows=[Value],
                    policy=VALUERS,
                    contracts=contracts,
                    plugins=[PydanticAIPlugin()],
                ),
                mesh.member("buyer", workflows=[Wonder], contracts=contracts) as buyer,
            ):
                yield Place(offline, shop, buyer)


def calling(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": tool, "arguments": arguments}]}


async def test_another_team_asks_it_and_it_asks_another_team(place: Place):
    worth = await place.wonder(
        "What is a lamp worth?",
        calling("price", name="lamp"),
        calling("final_result", answer="Forty dollars.", usd=40),
    )

    assert (worth.answer, worth.usd) == ("Forty dollars.", 40)
    assert place.shop.asked[-1] == ("valuer", "lamp")
    assert (worth.usage.model_calls, worth.usage.tool_calls) == (2, 1)
    assert worth.usage.input_tokens > worth.usage.output_tokens > 0


async def test_a_refusal_of_another_team_is_something_its_model_hears(place: Place):
    worth = await place.wonder(
        "What is the moon worth?",
        calling("price", name="moon"),
        calling("final_result", answer="It is not for sale.", usd=0),
    )

    assert worth.answer == "It is not for sale."
    assert place.shop.asked[-1] == ("valuer", "moon")


async def test_the_limits_of_the_tree_are_its_limits(place: Place):
    with pytest.raises(WorkflowFailureError) as failed:
        await place.wonder("What are all lamps worth?", *(calling("price", name=f"lamp {n}") for n in range(9)))

    assert "valuing takes more than is left" in str(failed.value.cause)


def test_the_page_shows_the_example_as_it_runs():
    example = Path(valuer_room.__file__).read_text().split("# [room]\n")[1].strip()
    page = (Path(__file__).parents[3] / "docs" / "another-framework.md").read_text()

    assert example in page
