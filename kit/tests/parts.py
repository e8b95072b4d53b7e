"""A shop that can be asked and ordered from, well and badly, and workflows that call it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import activity, nexus, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

from callboard_contracts import MeshError, Message, RefusedError, UnavailableError, promise
from callboard_kit import mesh
from callboard_kit.limits import Limits

ENDPOINT: Final = "shop"
SECRET: Final = "s3cret-of-the-shop"
SOON: Final = timedelta(seconds=30)


class Wish(Message):
    """What is asked for."""

    text: str
    count: int = 1


class Gift(Message):
    """What is given, and how the call looked from where it was given."""

    text: str
    price: float | None = None
    caller: str = ""
    root: str = ""
    person: str | None = None
    depth: int = 0
    token_id: str = ""
    expires: float = 0


class Errand(Message):
    """A call to make."""

    operation: str
    input: Mapping[str, object] = {"text": "tea"}
    endpoint: str = ENDPOINT
    service: str = "shop.v1"
    seconds: float | None = None
    headers: Mapping[str, str] = {}
    times: int = 1
    """How often the text of the input is repeated, for one that is too large to be handed over."""


class Report(Message):
    """How an errand ended."""

    gift: Gift | None = None
    error: str = ""
    """The class of the error, and its words."""
    words: str = ""


def _query(longest: float = 20) -> "nexusrpc.Operation[Wish, Gift]":
    return promise(kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=longest))


def _task(effect: Any = "write") -> "nexusrpc.Operation[Wish, Gift]":
    return promise(
        kind="task", effect=effect, latency=timedelta(seconds=1), longest=timedelta(seconds=60), entity="text"
    )


@nexusrpc.service(name="shop.v1")
class Shop:
    """A shop that can be asked and ordered from."""

    look: nexusrpc.Operation[Wish, Gift] = _query()
    peek: nexusrpc.Operation[Wish, Gift] = _query()
    buy: nexusrpc.Operation[Wish, Gift] = _task()
    relay: nexusrpc.Operation[Wish, Gift] = _task("read")
    wait: nexusrpc.Operation[Wish, Gift] = _task("read")
    leak: nexusrpc.Operation[Wish, Gift] = _task("read")
    refuse: nexusrpc.Operation[Wish, Gift] = _query()
    forbid: nexusrpc.Operation[Wish, Gift] = _query()
    fail: nexusrpc.Operation[Wish, Gift] = _query()
    crash: nexusrpc.Operation[Wish, Gift] = _query()
    vanish: nexusrpc.Operation[Wish, Gift] = _query()
    quit: nexusrpc.Operation[Wish, Gift] = _query()
    hang: nexusrpc.Operation[Wish, Gift] = _query()
    hang_on: nexusrpc.Operation[Wish, Gift] = _query()
    block: nexusrpc.Operation[Wish, Gift] = _query()
    flaky: nexusrpc.Operation[Wish, Gift] = _query()
    closed: nexusrpc.Operation[Wish, Gift] = _query()
    wrong: nexusrpc.Operation[Wish, Gift] = _query()
    huge: nexusrpc.Operation[Wish, Gift] = _query()


def gift(text: str) -> Gift:
    call = mesh.current()
    return Gift(
        text=text,
        price=9.5,
        caller=call.caller,
        root=call.root,
        person=call.person,
        depth=call.depth,
        token_id=call.token_id,
        expires=call.expires,
    )


class Deliveries:
    """Has the effects of `buy`, and remembers every one."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []
        """What was delivered, and the id of the call that asked for it."""

    def of(self, text: str) -> int:
        return sum(each == text for each, _ in self.made)

    @activity.defn
    async def deliver(self, text: str) -> None:
        self.made.append((text, mesh.current().token_id))

    @activity.defn
    def stumble(self, text: str) -> None:
        raise KeyError(f"{SECRET} {text}")


@workflow.defn
class Buy:
    @workflow.run
    async def run(self, wish: Wish) -> Gift:
        if wish.text == "nothing":
            raise RefusedError("nothing cannot be bought")
        await workflow.execute_activity_method(Deliveries.deliver, wish.text, start_to_close_timeout=SOON)
        return gift(f"bought {wish.text}")


@workflow.defn
class Relay:
    """Passes a wish on: its text is an endpoint, an operation, and the rest."""

    @workflow.run
    async def run(self, wish: Wish) -> Gift:
        endpoint, operation, rest = wish.text.split(" ", 2)
        shop = workflow.create_nexus_client(service=Shop, endpoint=endpoint)
        return await shop.execute_operation(getattr(Shop, operation), Wish(text=rest, count=wish.count))


@workflow.defn
class Wait:
    """Ends when it is told to, or cancelled."""

    def __init__(self) -> None:
        self._enough = False

    @workflow.run
    async def run(self, wish: Wish) -> Gift:
        await workflow.wait_condition(lambda: self._enough)
        return gift(wish.text)

    @workflow.signal
    def enough(self) -> None:
        self._enough = True


@workflow.defn
class Leak:
    """Fails with words that are nobody else's business."""

    @workflow.run
    async def run(self, wish: Wish) -> Gift:
        if wish.text == "refuse":
            try:
                raise KeyError(SECRET)
            except KeyError as error:
                raise RefusedError("refused, with a reason behind it") from error
        if wish.text == "fail":
            raise ApplicationError(f"failed with {SECRET}", type="ShopError")
        if wish.text == "answer wrongly":
            return gift(wish.text).model_copy(update={"text": {"not": SECRET}})
        await workflow.execute_activity_method(
            Deliveries.stumble, wish.text, start_to_close_timeout=SOON, retry_policy=RetryPolicy(maximum_attempts=1)
        )
        return gift(wish.text)


@service_handler(service=Shop)
class ShopService:
    """Serves `shop.v1`, well and badly."""

    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()
        self.seen: list[str] = []
        self.released = threading.Event()
        """Ends handlers that would not end by themselves."""

    @sync_operation
    async def look(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        self.seen.append(mesh.current().token_id)
        return gift(wish.text)

    @sync_operation
    def peek(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        return gift(wish.text)

    @nexus.workflow_run_operation
    async def buy(self, ctx: nexus.WorkflowRunOperationContext, wish: Wish) -> nexus.WorkflowHandle[Gift]:
        return await mesh.start_workflow(ctx, Buy.run, wish)

    @nexus.workflow_run_operation
    async def relay(self, ctx: nexus.WorkflowRunOperationContext, wish: Wish) -> nexus.WorkflowHandle[Gift]:
        return await mesh.start_workflow(ctx, Relay.run, wish)

    @nexus.workflow_run_operation
    async def wait(self, ctx: nexus.WorkflowRunOperationContext, wish: Wish) -> nexus.WorkflowHandle[Gift]:
        return await mesh.start_workflow(ctx, Wait.run, wish)

    @nexus.workflow_run_operation
    async def leak(self, ctx: nexus.WorkflowRunOperationContext, wish: Wish) -> nexus.WorkflowHandle[Gift]:
        return await mesh.start_workflow(ctx, Leak.run, wish)

    @sync_operation
    async def refuse(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise RefusedError(f"no {wish.text} today") from KeyError(SECRET)

    @sync_operation
    async def forbid(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise nexusrpc.HandlerError("not found", type=nexusrpc.HandlerErrorType.NOT_FOUND) from KeyError(SECRET)

    @sync_operation
    async def fail(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise nexusrpc.OperationError("out of tea", state=nexusrpc.OperationErrorState.FAILED) from KeyError(SECRET)

    @sync_operation
    async def crash(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise KeyError(SECRET)

    @sync_operation
    async def vanish(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise asyncio.CancelledError

    @sync_operation
    async def quit(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise SystemExit(SECRET)

    @sync_operation
    async def hang(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        await asyncio.sleep(3600)
        return gift(wish.text)

    @sync_operation
    async def hang_on(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        while not self.released.is_set():
            try:
                await asyncio.sleep(0.2)
            except asyncio.CancelledError:
                continue  # As code does that catches too much.
        return gift(wish.text)

    @sync_operation
    def block(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        self.released.wait(60)
        return Gift(text=wish.text)

    @sync_operation
    async def flaky(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        self.attempts[wish.text] += 1
        if self.attempts[wish.text] % 3:
            raise UnavailableError("the store is busy")
        return gift(wish.text)

    @sync_operation
    async def closed(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        raise ConnectionRefusedError(SECRET)

    @sync_operation
    async def wrong(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        return Gift.model_validate({"text": "x"}).model_copy(update={"text": {"not": SECRET}})

    @sync_operation
    async def huge(self, ctx: StartOperationContext, wish: Wish) -> Gift:
        return Gift(text="x" * 2_200_000)


async def run(errand: Errand) -> Report:
    """Make a call from a workflow and say how it ended."""
    client = workflow.create_nexus_client(service=errand.service, endpoint=errand.endpoint)
    try:
        answer = await client.execute_operation(
            errand.operation,
            errand.input if errand.times == 1 else {"text": str(errand.input["text"]) * errand.times},
            output_type=Gift,
            schedule_to_close_timeout=None if errand.seconds is None else timedelta(seconds=errand.seconds),
            headers=errand.headers,
        )
    except MeshError as error:
        return Report(error=type(error).__name__, words=str(error))
    return Report(gift=answer)


@workflow.defn
class Ask:
    """Runs one errand."""

    @workflow.run
    async def run(self, errand: Errand) -> Report:
        return await run(errand)


@workflow.defn
class AskMany:
    """Runs errands at the same time."""

    @workflow.run
    async def run(self, errands: list[Errand], limits: Limits | None = None) -> list[Report]:
        with mesh.tightened(limits or Limits()):
            return list(await asyncio.gather(*(run(errand) for errand in errands)))


@workflow.defn
class AskAndCancel:
    """Starts an operation, cancels it, and says how it ended."""

    @workflow.run
    async def run(self, wish: Wish) -> str:
        shop = workflow.create_nexus_client(service=Shop, endpoint=ENDPOINT)
        handle = await shop.start_operation(Shop.wait, wish)
        handle.cancel()
        try:
            await handle
        except MeshError as error:
            return f"{type(error).__name__}: {error}"
        except FailureError as error:
            return type(error.cause).__name__
        return "it went on to its end"


@workflow.defn
class Rob:
    """Makes a call with headers that an activity of the test's makes up. Runs on workers without the plugin."""

    @workflow.run
    async def run(self, errand: Errand) -> Report:
        headers = await workflow.execute_activity(
            "forge", workflow.info().run_id, result_type=dict[str, str], start_to_close_timeout=SOON
        )
        client = workflow.create_nexus_client(service=errand.service, endpoint=errand.endpoint)
        try:
            answer = await client.execute_operation(
                errand.operation, errand.input, output_type=Gift, headers=headers, schedule_to_close_timeout=SOON
            )
        except FailureError as error:
            return Report(error=type(error.cause).__name__, words=str(error.cause))
        return Report(gift=answer)
