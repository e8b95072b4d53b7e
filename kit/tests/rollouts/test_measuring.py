"""What is counted of a build's runs: by Temporal's visibility, here one that a test writes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowExecutionStatus as Status
from temporalio.common import TypedSearchAttributes

from callboard_kit.rollouts.judging import compare, first_worse, looks_due
from callboard_kit.rollouts.measuring import Measuring


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Run:
    status: Status
    start_time: datetime
    close_time: datetime | None
    typed_search_attributes: TypedSearchAttributes = TypedSearchAttributes.empty


@dataclass(frozen=True)
class Count:
    count: int


class Visibility:
    """Answers as a client does, whatever is asked of a build."""

    def __init__(self, **builds: list[Run]) -> None:
        self._builds = builds

    async def list_workflows(self, query: str, **_: object) -> AsyncIterator[Run]:
        for run in self._of(query):
            yield run

    async def count_workflows(self, query: str) -> Count:
        return Count(len(self._of(query)))

    def _of(self, query: str) -> list[Run]:
        return next(runs for name, runs in self._builds.items() if f":{name}'" in query)


def took(seconds: float, *, ago: float, status: Status = Status.COMPLETED) -> Run:
    began = now() - timedelta(seconds=ago)
    return Run(status, began, began + timedelta(seconds=seconds))


def open_for(seconds: float) -> Run:
    return Run(Status.RUNNING, now() - timedelta(seconds=seconds), None)


async def samples(visibility: Visibility) -> Any:
    return await Measuring(visibility, "desk").samples("old", "new", since=now())  # pyright: ignore[reportArgumentType] - all that is asked of it


async def test_runs_that_go_on_much_longer_than_the_old_build_s_take_are_overdue():
    old = [took(20, ago=300) for _ in range(50)]
    hangs = [open_for(120) for _ in range(12)] + [open_for(5) for _ in range(3)]

    before, after = await samples(Visibility(old=old, new=hangs))

    assert (before.patience, before.waited, before.overdue) == (60.0, 50, 0)
    assert (after.ended, after.waited, after.overdue, after.hanging, after.decided) == (0, 12, 12, 12, 12)
    worse = first_worse(compare(before, after, look=looks_due(after.decided)))
    assert worse is not None
    assert worse.metric == "overdue"


async def test_a_build_whose_runs_wait_as_the_old_one_s_do_is_not_worse():
    wait = [open_for(3600) for _ in range(20)] + [took(20, ago=3000) for _ in range(20)]

    before, after = await samples(Visibility(old=wait, new=wait))

    assert (before.overdue, after.overdue) == (0, 0)
    assert first_worse(compare(before, after, look=1)) is None


async def test_what_was_cancelled_and_what_took_long_but_ended_are_counted_as_what_they_are():
    old = [took(20, ago=300) for _ in range(10)]
    new = [took(90, ago=300), took(5, ago=300), took(1, ago=300, status=Status.CANCELED)]

    _, after = await samples(Visibility(old=old, new=[*new, took(9, ago=300, status=Status.FAILED)]))

    assert (after.ended, after.errors, after.waited, after.overdue, after.hanging) == (3, 1, 3, 1, 0)
