"""The agents: each makes its changes one after another, and asks again for one that did not come through."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from temporalio import workflow

from callboard_contracts import MeshError, Message

with workflow.unsafe.imports_passed_through():
    from callboard_kit import mesh
    from tests.lab.contention.house import PATIENCE, Bank, Change, Desk

TRIES: Final = 200


class Errand(Message):
    """One change, from the order's end or from the balance's."""

    change: Change
    from_balance: bool = False


class Errands(Message):
    """What one agent has to do."""

    name: str
    errands: tuple[Errand, ...]


class Told(Message):
    """What an agent was told on the way."""

    done: int
    told: Mapping[str, int]
    """Refusals and failures by kind: each was asked again."""


@workflow.defn
class Agent:
    """Makes its changes, whatever it takes."""

    @workflow.run
    async def run(self, errands: Errands) -> Told:
        told: Counter[str] = Counter()
        for errand in errands.errands:
            await self._make(errand, errand.change.name, told)
        return Told(done=len(errands.errands), told=dict(told))

    async def _make(self, errand: Errand, key: str, told: Counter[str]) -> None:
        for attempt in range(TRIES):
            try:
                with mesh.idempotency_key(key):
                    await self._call(errand)
            except MeshError as error:
                told["deadlock" if "deadlock" in str(error) else type(error).__name__] += 1
                pause = workflow.random().uniform(0.1, min(5.0, 0.5 * 2**attempt))
                await workflow.sleep(timedelta(seconds=pause))
            else:
                return
        raise RuntimeError(f"{key} did not come through")

    async def _call(self, errand: Errand) -> None:
        if errand.from_balance:
            bank = workflow.create_nexus_client(service=Bank, endpoint="bank")
            await bank.execute_operation(Bank.settle, errand.change, schedule_to_close_timeout=PATIENCE)
        else:
            desk = workflow.create_nexus_client(service=Desk, endpoint="desk")
            await desk.execute_operation(Desk.change, errand.change, schedule_to_close_timeout=PATIENCE)
