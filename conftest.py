"""What every test can count on, in whatever order tests run."""

import os
from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True)
def environment_of_its_own() -> Generator[None]:
    """Put this process's environment back: a command that joins a mesh makes itself a part of it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
