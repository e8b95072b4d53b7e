"""Workflows that tell of what they do; in a file of their own, since Temporal's sandbox imports it once more."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

from callboard_contracts import RefusedError

with workflow.unsafe.imports_passed_through():
    from callboard_kit import events

SHORT = timedelta(seconds=20)
AT_ONCE = RetryPolicy(initial_interval=timedelta(milliseconds=10))


@activity.defn
async def speak() -> str:
    with events.words() as words:
        words.say("Hello")
    return "Hello"


@activity.defn
async def stumble() -> str:
    with events.words() as words:
        words.say("Once upon")
        if activity.info().attempt == 1:
            raise ConnectionError("it broke off")
        words.say(" a time")
    return "Once upon a time"


@workflow.defn
class Chatter:
    @workflow.run
    async def run(self) -> None:
        for _ in range(2):
            with events.step() as step:
                said = await workflow.execute_activity(speak, start_to_close_timeout=SHORT)
            step.ended(said, tools=(), model="m", usage=(1, 2, None))
            await workflow.sleep(timedelta(milliseconds=5))


@workflow.defn
class Broken:
    @workflow.run
    async def run(self) -> None:
        with events.step():
            await workflow.execute_activity(stumble, start_to_close_timeout=SHORT, retry_policy=AT_ONCE)


@workflow.defn
class Sensitive:
    @workflow.run
    async def run(self) -> None:
        raise RefusedError("not today")
