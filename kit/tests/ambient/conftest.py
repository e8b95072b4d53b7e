import sys
import sysconfig
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

# Temporal's sandbox imports the workflows by name once more.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
async def skipping() -> AsyncGenerator[WorkflowEnvironment]:
    """A server whose clock jumps to the next timer whenever nothing else is to be done."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal-test-server"),
        data_converter=pydantic_data_converter,
    ) as environment:
        yield environment
