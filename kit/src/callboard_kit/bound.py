"""Binds a context variable for a block, also where the block belongs to a run that is thrown away half-way."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar

ValueT = TypeVar("ValueT")


@contextmanager
def bound(variable: ContextVar[ValueT], value: ValueT) -> Generator[ValueT]:
    """Let `variable` be `value` in this block."""
    token = variable.set(value)
    try:
        yield value
    finally:
        # A worker that lets go of a run closes its coroutines wherever it happens to be, which is no context of theirs.
        with suppress(ValueError):
            variable.reset(token)
