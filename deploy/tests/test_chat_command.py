"""Whoever presses Ctrl-C in a chat takes back the message that is being answered."""

import asyncio
import io
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from callboard.command import chat as command
from callboard.command import run_command
from callboard_contracts.conversations import Withdrawn
from callboard_orchestrator import conversations


class Endless:
    """A conversation in which nothing is ever answered, and somebody presses Ctrl-C."""

    id = "c-1"
    person = None

    def __init__(self) -> None:
        self.said: list[str] = []
        self.withdrawn: list[str] = []

    async def say(self, text: str, *, message: str) -> None:
        self.said.append(message)
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    async def withdraw(self, message: str) -> Withdrawn:
        self.withdrawn.append(message)
        return Withdrawn(message=message, state="withdrawn")

    async def open(self, **_: object) -> "Endless":
        return self


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Have Ctrl-C mean what it means in a process of its own: a server that other tests share here takes it too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_takes_back_what_is_being_answered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    talk = Endless()

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Endless]:
        yield talk

    monkeypatch.setattr(command, "join_mesh", lambda: None)
    monkeypatch.setattr(conversations, "open_conversations", opened)
    monkeypatch.setattr("sys.stdin", io.StringIO("Cancel it all.\nAnd more.\n"))

    code = run_command(["chat"])

    assert code != 0
    assert len(talk.said) == 1
    assert talk.withdrawn == talk.said
    assert "the message was taken back; what was done for it stays done" in capsys.readouterr().err


def test_closed_ones_are_only_listed_with_the_list(capsys: pytest.CaptureFixture[str]):
    code = run_command(["chat", "--closed"])

    assert code == 1
    assert capsys.readouterr().err == "callboard: --closed is about what --list shows; say both\n"
