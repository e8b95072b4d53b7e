"""A small contract and its handlers, for tests of the plugin."""

import asyncio
import time
from datetime import timedelta
from typing import Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus, workflow

from callboard_contracts import Message, RefusedError, UnavailableError, promise
from callboard_kit import mesh

ENDPOINT: Final = "shop"


class Wish(Message):
    """What is asked for."""

    text: str
    count: int = 1


class Gift(Message):
    """What is given."""

    text: str
    price: float | None = None
    caller: str = ""
    root: str = ""
    person: str | None = None
    depth: int = 0


def _query(longest: float = 20) -> "nexusrpc.Operation[Wish, Gift]":
    return promise(kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=longest))


def _task(effect: str = "write") -> "nexusrpc.Operation[Wish, Gift]":
    return promise(kind="task", effect=effect, latency=timedelta(seconds=1), longest=timedelta(seconds=60))


@nexusrpc.service(name="shop.v1")
class Shop:
    """A shop that can be asked and ordered from."""

    look: nexusrpc.Operation[Wish, Gift] = _query()
    buy: nexusrpc.Operation[Wish, Gift] = _task()
    relay: nexusrpc.Operation[Wish, Gift] = _task("read")
    refuse: nexusrpc.Operation[Wish, Gift] = _query()
    crash: nexusrpc.Operation[Wish, Gift] = _query()
    hang: nexusrpc.Operation[Wish, Gift] = _query()
    hang_on: nexusrpc.Operation[Wish, Gift] = _query()
    block: nexusrpc.Operation[Wish, Gift] = _query()
    flaky: nexusrpc.Operation[Wish, Gift] = _query()
    wrong: nexusrpc.Operation[Wish, Gift] = _query()


def gift(text: str) -> Gift:
    call = mesh.current()
    return Gift(text=text, price=9.5, caller=call.caller, root=call.root, person=call.person, depth=call.depth)


@workflow.defn
class Buy:
    """Has the effect that `bought` counts."""

    bought: Final[list[str]] = []

    @workflow.run
    async def run(self, wish: Wish) -> Gift:
        if wish.text == "nothing":
            raise RefusedError("nothing cannot be bought")
        if not workflow.unsafe.is_replaying():
            with workflow.unsafe.sandbox_unrestricted():
                Buy.bought.append(mesh.current().token_id)
        return gift(f"bought {wish.text}")


@workflow.defn
class Relay:
    """Passes a wish on to the endpoint its text names."""

    @workflow.run
    async def run(self, wish: Wish) -> Gift:
        endpoint, _, rest = wish.text.partition(" ")
        operation, _, rest = rest.partition(" ")
        shop = workflow.create_nexus_client(service=Shop, endpoint=endpoint)
        return await shop.execute_operation(getattr(Shop, operation), Wish(text=rest, count=wish.count))


@workflow.defn
class Ask:
    """Calls one operation and says how it ended."""

    @workflow.run
    async def run(self, endpoint: str, operation: str, wish: Wish, seconds: float | None = None) -> Gift:
        shop = workflow.create_nexus_client(service=Shop, endpoint=endpoint)
        return await shop.execute_operation(
            getattr(Shop, operation),
            wish,
            schedule_to_close_timeout=None if seconds is None else timedelta(seconds=seconds),
        )


@service_handler(service=Shop)
class ShopService:
    """Serves `shop.v1`, well and badly."""

    def __init__(self) -> None:
        self.attempts = 0

    @sync_operation
    async def look(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        return gift(wish.text)

    @nexus.workflow_run_operation
    async def buy(self, ctx: nexus.WorkflowRunOperationContext, wish: Wish) -> nexus.WorkflowHandle[Gift]:
        return await mesh.start_workflow(ctx, Buy.run, wish)

    @nexus.workflow_run_operation
    async def relay(self, ctx: nexus.WorkflowRunOperationContext, wish: Wish) -> nexus.WorkflowHandle[Gift]:
        return await mesh.start_workflow(ctx, Relay.run, wish)

    @sync_operation
    async def refuse(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise RefusedError(f"no {wish.text} today")

    @sync_operation
    async def crash(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise KeyError("secret-value")

    @sync_operation
    async def hang(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        await asyncio.sleep(3600)
        return gift(wish.text)

    @sync_operation
    async def hang_on(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                continue
        return gift(wish.text)

    @sync_operation
    def block(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        time.sleep(20)
        return Gift(text=wish.text)

    @sync_operation
    async def flaky(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        self.attempts += 1
        if self.attempts % 3:
            raise UnavailableError("the store is busy")
        return gift(wish.text)

    @sync_operation
    async def wrong(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        return Gift.model_construct(text=7)
