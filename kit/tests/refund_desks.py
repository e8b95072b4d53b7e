"""The refund desk as its team might change it: ten ways that runs under way can live with, and ten that they cannot."""

import asyncio
from datetime import timedelta
from typing import Final

from refund_desk import DAY, SOON, TILL, Claim, Till, look_up, write_down
from temporalio import workflow
from temporalio.common import RetryPolicy


class _Desk:
    """What every form of the desk has in common."""

    def __init__(self) -> None:
        self.approved = False

    @workflow.signal
    def approve(self) -> None:
        self.approved = True

    async def look(self, claim: Claim) -> str:
        return await workflow.execute_activity(look_up, claim.order_id, start_to_close_timeout=SOON)

    async def wait(self) -> None:
        await workflow.wait_condition(lambda: self.approved, timeout=DAY)

    async def pay(self, claim: Claim) -> str:
        till = workflow.create_nexus_client(service=Till, endpoint=TILL)
        return (await till.execute_operation(Till.pay, claim, schedule_to_close_timeout=SOON)).note

    async def note(self, words: str) -> str:
        return await workflow.execute_activity(write_down, words, start_to_close_timeout=SOON)


# Ten that runs under way can live with.


@workflow.defn(name="Refund")
class InSmallerSteps(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithALog(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        workflow.logger.info("refunding %s", claim.order_id)
        await self.look(claim)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAPatchedStep(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        if workflow.patched("count-first"):
            till = workflow.create_nexus_client(service=Till, endpoint=TILL)
            await till.execute_operation(Till.count, claim, schedule_to_close_timeout=SOON)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAPatchedOrder(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        if workflow.patched("wait-first"):
            await self.wait()
            await self.look(claim)
        else:
            await self.look(claim)
            await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAQuery(_Desk):
    @workflow.query
    def waits(self) -> bool:
        return not self.approved

    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAnotherSignal(_Desk):
    @workflow.signal
    def remind(self) -> None:
        """Do nothing yet."""

    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAnUpdate(_Desk):
    @workflow.update
    async def decide(self, yes: bool) -> bool:
        self.approved = self.approved or yes
        return self.approved

    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class ForSomeClaimsOnly(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        if claim.amount > 1_000:  # No run under way asks for so much.
            await self.note("a large one")
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAnErrorThatIsCaught(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        try:
            await self.wait()
        except TimeoutError:
            return await self.note("nobody decided")
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithASummary(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await workflow.execute_activity(
            look_up, claim.order_id, start_to_close_timeout=SOON, summary="looks the order up"
        )
        await self.wait()
        return await self.note(await self.pay(claim))


COMPATIBLE: Final = (
    InSmallerSteps,
    WithALog,
    WithAPatchedStep,
    WithAPatchedOrder,
    WithAQuery,
    WithAnotherSignal,
    WithAnUpdate,
    ForSomeClaimsOnly,
    WithAnErrorThatIsCaught,
    WithASummary,
)


# Ten that they cannot: six at which a run is stuck, four that make it do something else than it has done.


@workflow.defn(name="Refund")
class WithAStepMore(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        await self.note("has been looked up")
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAStepLess(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class InAnotherOrder(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.wait()
        await self.look(claim)
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAnotherActivity(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.note(claim.order_id)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithoutWaiting(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class SideBySide(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await asyncio.gather(self.look(claim), self.note("begun"))
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAnotherInput(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await workflow.execute_activity(look_up, f"#{claim.order_id}", start_to_close_timeout=SOON)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithAnotherPatience(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        await workflow.wait_condition(lambda: self.approved, timeout=timedelta(hours=1))
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class WithOtherRetries(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await workflow.execute_activity(
            look_up, claim.order_id, start_to_close_timeout=SOON, retry_policy=RetryPolicy(maximum_attempts=1)
        )
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Payback")
class UnderAnotherName(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        await self.wait()
        return await self.note(await self.pay(claim))


BROKEN: Final = (
    WithAStepMore,
    WithAStepLess,
    InAnotherOrder,
    WithAnotherActivity,
    WithoutWaiting,
    SideBySide,
    UnderAnotherName,
)
CHANGED: Final = (WithAnotherInput, WithAnotherPatience, WithOtherRetries)


# What becomes of `WithAPatchedStep`.


@workflow.defn(name="Refund")
class AfterThePatch(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        workflow.deprecate_patch("count-first")
        till = workflow.create_nexus_client(service=Till, endpoint=TILL)
        await till.execute_operation(Till.count, claim, schedule_to_close_timeout=SOON)
        await self.wait()
        return await self.note(await self.pay(claim))


@workflow.defn(name="Refund")
class LongAfterThePatch(_Desk):
    @workflow.run
    async def run(self, claim: Claim) -> str:
        await self.look(claim)
        till = workflow.create_nexus_client(service=Till, endpoint=TILL)
        await till.execute_operation(Till.count, claim, schedule_to_close_timeout=SOON)
        await self.wait()
        return await self.note(await self.pay(claim))
