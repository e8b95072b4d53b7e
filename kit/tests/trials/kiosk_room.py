"""A kiosk in several builds that sells things: it charges at another team's vault, and sends what was paid for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import activity, nexus, workflow

from callboard_contracts import Message, RefusedError, promise

with workflow.unsafe.imports_passed_through():
    from callboard_kit import mesh
    from callboard_kit.trials.dry import reads

KIOSK: Final = "kiosk"
VAULT: Final = "vault"
DIARY: Final = "kiosk-diary"
SHORT: Final = timedelta(seconds=20)


class Order(Message):
    """What somebody buys."""

    thing: str


class Sold(Message):
    """What was sold."""

    thing: str
    paid: int


class Charge(Message):
    """What somebody pays."""

    thing: str
    amount: int
    key: str = ""


class Amount(Message):
    """So much."""

    amount: int


@nexusrpc.service(name="kiosk.v1")
class Kiosk:
    """Sells."""

    sell: nexusrpc.Operation[Order, Sold] = promise(
        kind="task", effect="write", latency=SHORT, longest=SHORT, entity="thing", sensitive={}
    )
    """Sell a thing."""


@nexusrpc.service(name="vault.v1")
class Vault:
    """Takes money."""

    price: nexusrpc.Operation[Order, Amount] = promise(
        kind="task", effect="read", latency=SHORT, longest=SHORT, sensitive={}
    )
    """Tell what a thing costs."""

    charge: nexusrpc.Operation[Charge, Amount] = promise(
        kind="task", effect="write", latency=SHORT, longest=SHORT, sensitive={}
    )
    """Take money."""

    pay_out: nexusrpc.Operation[Charge, Amount] = promise(
        kind="task", effect="write", latency=SHORT, longest=SHORT, sensitive={}
    )
    """Give money, at once."""


@dataclass
class Books:
    """Everything that really happened."""

    charged: list[str] = field(default_factory=list[str])
    paid_out: list[str] = field(default_factory=list[str])
    sent: list[str] = field(default_factory=list[str])
    looked: list[str] = field(default_factory=list[str])

    def effects(self) -> tuple[int, int, int]:
        """Return how often money was taken and given, and something sent."""
        return len(self.charged), len(self.paid_out), len(self.sent)


class KioskActivities:
    """What the kiosk does itself."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @reads
    @activity.defn
    async def look(self, order: Order) -> Amount:
        """Tell what is there."""
        self._books.looked.append(order.thing)
        return Amount(amount=7)

    @activity.defn
    async def send(self, order: Order) -> Sold:
        """Send it."""
        self._books.sent.append(order.thing)
        return Sold(thing=order.thing, paid=0)


class VaultActivities:
    """What the vault does."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @activity.defn
    async def take(self, charge: Charge) -> Amount:
        """Take money."""
        self._books.charged.append(charge.thing)
        return Amount(amount=charge.amount)

    @activity.defn
    async def count(self, order: Order) -> Amount:
        """Tell a price; its operation promises to read only."""
        return Amount(amount=len(order.thing))


@workflow.defn(name="Diary")
class Diary:
    """Notes what it is told."""

    def __init__(self) -> None:
        self._notes: list[str] = []

    @workflow.run
    async def run(self) -> None:
        """Stay."""
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def note(self, thing: str) -> None:
        """Note it."""
        self._notes.append(thing)

    @workflow.query
    def notes(self) -> list[str]:
        """Tell what was noted."""
        return self._notes


async def price_of(order: Order) -> int:
    """Ask the vault."""
    vault = workflow.create_nexus_client(service=Vault, endpoint=VAULT)
    return (await vault.execute_operation(Vault.price, order, schedule_to_close_timeout=SHORT)).amount


async def charge(thing: str, amount: int) -> int:
    """Have the vault take money."""
    vault = workflow.create_nexus_client(service=Vault, endpoint=VAULT)
    asked = Charge(thing=thing, amount=amount, key=mesh.effect_key())
    return (await vault.execute_operation(Vault.charge, asked, schedule_to_close_timeout=SHORT)).amount


async def send(order: Order) -> Sold:
    """Send it, and note it."""
    sent = await workflow.execute_activity_method(KioskActivities.send, order, start_to_close_timeout=SHORT)
    await workflow.get_external_workflow_handle_for(Diary.run, DIARY).signal(Diary.note, order.thing)
    return sent


async def sell(order: Order) -> Sold:
    """Sell as every build should."""
    await workflow.execute_activity_method(KioskActivities.look, order, start_to_close_timeout=SHORT)
    paid = await charge(order.thing, await price_of(order))
    await send(order)
    return Sold(thing=order.thing, paid=paid)


@workflow.defn(name="Sell")
class OldSell:
    """As the serving build has it."""

    @workflow.run
    async def run(self, order: Order) -> Sold:
        """Sell."""
        return await sell(order)


@workflow.defn(name="Sell")
class SameSell:
    """Another build that does the same."""

    @workflow.run
    async def run(self, order: Order) -> Sold:
        """Sell."""
        return await sell(order)


@workflow.defn(name="Send")
class SendLater:
    """A child that sends."""

    @workflow.run
    async def run(self, order: Order) -> Sold:
        """Send."""
        return await send(order)


@workflow.defn(name="Sell")
class GreedySell:
    """A build that tries every way there is to have an effect, and takes too much."""

    @workflow.run
    async def run(self, order: Order) -> Sold:
        """Try."""
        paid = await charge(order.thing, await price_of(order))
        tries: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: charge(order.thing, paid + 1),
            lambda: self._on_own_behalf(order),
            lambda: self._pay_out(order),
            lambda: send(Order(thing=f"{order.thing}!")),
            lambda: workflow.execute_child_workflow(SendLater.run, order),
            lambda: workflow.execute_local_activity_method(
                KioskActivities.send, Order(thing="local"), start_to_close_timeout=SHORT
            ),
        )
        for each in tries:
            try:
                await each()
            except Exception as error:  # Whatever refuses it: the next way is tried.
                workflow.logger.info("did not work: %s", error)
        await send(order)
        return Sold(thing=order.thing, paid=paid + 1)

    async def _on_own_behalf(self, order: Order) -> None:
        with mesh.on_own_behalf():
            await charge(order.thing, 1_000)

    async def _pay_out(self, order: Order) -> None:
        vault = workflow.create_nexus_client(service=Vault, endpoint=VAULT)
        asked = Charge(thing=order.thing, amount=5)
        await vault.execute_operation(Vault.pay_out, asked, schedule_to_close_timeout=SHORT)


@workflow.defn
class TakeMoney:
    """Takes money."""

    @workflow.run
    async def run(self, charge: Charge) -> Amount:
        """Take it."""
        if charge.thing == "nothing":
            raise RefusedError("nothing costs nothing")
        return await workflow.execute_activity_method(VaultActivities.take, charge, start_to_close_timeout=SHORT)


@workflow.defn
class TellPrice:
    """Tells a price."""

    @workflow.run
    async def run(self, order: Order) -> Amount:
        """Tell it."""
        return await workflow.execute_activity_method(VaultActivities.count, order, start_to_close_timeout=SHORT)


@service_handler(service=Kiosk)
class KioskService:
    """Serves `kiosk.v1`, alike in every build."""

    @nexus.workflow_run_operation
    async def sell(self, ctx: nexus.WorkflowRunOperationContext, order: Order) -> nexus.WorkflowHandle[Sold]:
        """Start one sale."""
        return await mesh.start_workflow(ctx, OldSell.run, order)


@service_handler(service=Vault)
class VaultService:
    """Serves `vault.v1`."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @nexus.workflow_run_operation
    async def price(self, ctx: nexus.WorkflowRunOperationContext, order: Order) -> nexus.WorkflowHandle[Amount]:
        """Tell a price."""
        return await mesh.start_workflow(ctx, TellPrice.run, order)

    @nexus.workflow_run_operation
    async def charge(self, ctx: nexus.WorkflowRunOperationContext, charge: Charge) -> nexus.WorkflowHandle[Amount]:
        """Take money."""
        return await mesh.start_workflow(ctx, TakeMoney.run, charge)

    @sync_operation
    async def pay_out(self, ctx: StartOperationContext, charge: Charge) -> Amount:
        """Give money, at once."""
        self._books.paid_out.append(charge.thing)
        return Amount(amount=charge.amount)


BUILDS: Final[dict[str, type]] = {"old": OldSell, "same": SameSell, "greedy": GreedySell}
