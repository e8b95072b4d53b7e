"""Command lines of `callboard` on a mesh, run in this process: one of their own takes a second to start, each."""

import asyncio
import io
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

from callboard.command import run_command

OURS = ("CALLBOARD_", "TEMPORAL_", "OPENAI_")

_one_at_a_time = threading.Lock()
"""What a command reads and writes belongs to the process: its environment, its input, its output."""


@dataclass(frozen=True)
class Said:
    """What a command line answered: its exit code, its results and its remarks."""

    code: int
    out: str
    err: str


async def command(environment: Mapping[str, str], *words: str, given: bytes = b"") -> Said:
    """Run a command line and wait for its end.

    Args:
        environment: What it finds of ours in its environment, and nothing else of ours; other variables stay.
        words: The command line after `callboard`.
        given: What is typed.
    """
    return await asyncio.to_thread(_run, environment, words, given)


async def told(environment: Mapping[str, str], *words: str, code: int = 0) -> str:
    """Run a command line that has to end with `code`, and return its results, or why it failed."""
    said = await command(environment, *words)
    assert said.code == code, said
    return said.out if code == 0 or said.out else said.err


def _run(environment: Mapping[str, str], words: tuple[str, ...], given: bytes) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with _one_at_a_time, _surroundings(environment, given), redirect_stdout(out), redirect_stderr(err):
        code = run_command(words)
    return Said(code, out.getvalue(), err.getvalue())


@contextmanager
def _surroundings(environment: Mapping[str, str], given: bytes) -> Iterator[None]:
    before, typed = dict(os.environ), sys.stdin
    for name in [name for name in before if name.startswith(OURS)]:
        del os.environ[name]
    os.environ.update(environment)
    sys.stdin = io.TextIOWrapper(io.BytesIO(given))
    try:
        yield
    finally:
        sys.stdin = typed
        os.environ.clear()
        os.environ.update(before)
