"""The workflows of the benchmarks. Both sides run this file: what differs between them is the plugin alone."""

from datetime import timedelta
from time import perf_counter

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    # Both sides share the contract with the world outside the sandbox, as a careful user of bare Temporal would.
    from bench.contract import HOLD, Parcel, Question, answer, desk, question
    from callboard_contracts import Message

LONGEST_CALL = timedelta(seconds=60)
"""Both sides say it; the mesh would otherwise take it from the promise."""


class Errand(Message):
    """Calls that one workflow makes, one after another."""

    team: str
    """The team that is called."""

    endpoint: str
    """The endpoint that leads to it."""

    operation: str
    """`look` (sync), `settle` (workflow-backed) or `settle_alone` (the same, on an entity)."""

    calls: int
    """How many."""

    first: int = 0
    """The number of the first question."""

    hold: bool = False
    """Whether whoever settles it keeps at it until told to go on."""

    patience: timedelta = LONGEST_CALL
    """How long each call may take."""


@workflow.defn
class RunErrand:
    """Calls, and says how long each call took: from the line that calls to the line after it."""

    @workflow.run
    async def run(self, errand: Errand) -> list[float]:
        """Return the seconds of each call."""
        contract = desk(errand.team)
        client = workflow.create_nexus_client(service=contract, endpoint=errand.endpoint)
        seconds: list[float] = []
        for number in range(errand.calls):
            began = _clock()
            await client.execute_operation(
                getattr(contract, errand.operation),
                question(errand.first + number, hold=errand.hold),
                schedule_to_close_timeout=errand.patience,
            )
            seconds.append(_clock() - began)
        return seconds


@workflow.defn
class Settle:
    """The workflow behind `settle`; it has nothing to do, unless it is to hold what it has."""

    @workflow.init
    def __init__(self, asked: Question) -> None:
        """Begin."""
        self._held = asked.wish == HOLD

    @workflow.run
    async def run(self, asked: Question) -> Parcel:
        """Answer."""
        if self._held:
            await workflow.wait_condition(lambda: not self._held)
        return answer(asked)

    @workflow.signal
    def go_on(self) -> None:
        """Hold it no longer."""
        self._held = False


@workflow.defn
class LookUp:
    """Asks the catalog, as a run of the orchestrator does, and says how long each answer took."""

    @workflow.run
    async def run(self, kind: str, times: int) -> list[float]:
        """Return the seconds of each answer."""
        seconds: list[float] = []
        for _ in range(times):
            began = _clock()
            if kind == "offered":
                await workflow.execute_activity("offered_operations", start_to_close_timeout=LONGEST_CALL)
            else:
                # A word of the bench's own contract, which fits as many operations in a mesh of any size.
                await workflow.execute_activity("find_operations", "wish", start_to_close_timeout=LONGEST_CALL)
            seconds.append(_clock() - began)
        return seconds


def _clock() -> float:
    # Real time, which workflows are kept from for good reason; here it is the very thing that is asked for.
    with workflow.unsafe.sandbox_unrestricted():
        return perf_counter()
