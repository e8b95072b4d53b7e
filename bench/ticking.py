"""The same words by Temporal's own workflow streams: a worker, run as a process of its own.

The shortest batches and pauses that make sense there: 20 ms each.
"""

import asyncio
import os
import uuid
from datetime import timedelta
from typing import Final

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.contrib.workflow_streams import WorkflowStream, WorkflowStreamClient
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE: Final = "bench-ticking"
TOPIC: Final = "words"
BATCH: Final = timedelta(milliseconds=20)


@activity.defn
async def say(words: str) -> None:
    """Ask the model and publish what it writes."""
    from openai import AsyncOpenAI

    async with (
        AsyncOpenAI(max_retries=0) as model,
        WorkflowStreamClient.from_within_activity(batch_interval=BATCH) as stream,
    ):
        topic = stream.topic(TOPIC, type=str)
        chunks = await model.chat.completions.create(
            model=os.environ["CALLBOARD_MODEL"], messages=[{"role": "user", "content": words}], stream=True
        )
        async for chunk in chunks:
            if text := chunk.choices[0].delta.content:
                topic.publish(text)


@workflow.defn
class Ticking:
    """Holds the stream while the activity publishes to it."""

    @workflow.init
    def __init__(self, _words: str) -> None:
        self.stream = WorkflowStream()

    @workflow.run
    async def run(self, words: str) -> None:
        """Have it said."""
        await workflow.execute_activity(say, words, start_to_close_timeout=timedelta(minutes=2))


async def heard(client: Client, words: str) -> list[str]:
    """Start the workflow and return each piece with the time at which it came, as `<piece> <time>`."""
    import time

    name = f"ticking-{uuid.uuid4().hex}"
    await client.start_workflow(Ticking.run, words, id=name, task_queue=QUEUE)
    pieces: list[str] = []
    stream = WorkflowStreamClient.create(client, name)
    async for item in stream.subscribe([TOPIC], result_type=str, poll_cooldown=BATCH):
        pieces.append(f"{item.data} {time.monotonic_ns()}")
    return pieces


async def main() -> None:
    """Work until stopped."""
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], namespace="orchestrator")
    async with Worker(
        client, task_queue=QUEUE, workflows=[Ticking], activities=[say], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
