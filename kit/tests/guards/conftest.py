import sys
from pathlib import Path

import pytest
from server import Temporal
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
async def client(temporal: Temporal) -> Client:
    return await Client.connect(temporal.address, namespace="shop", data_converter=pydantic_data_converter)
