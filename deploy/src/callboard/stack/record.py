"""What is written down about a stack, `stack.json` in its home, so that other commands find it.

The record outlives the stack: the next one gets the same ports, and whatever a crashed one left running is known by
the mark that each of its processes carries in its environment.
"""

import fcntl
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from callboard.failures import CommandError
from callboard_contracts import Message

MARK: Final = "CALLBOARD_STACK"
"""The variable by which a process of a stack is known; its value is the stack's id."""

_FILE: Final = "stack.json"


class StackRecord(Message):
    """One stack, running or not."""

    id: str
    """Made anew each time the stack starts."""

    supervisor: int | None = None
    """Process id of the supervisor. None: stopped in order."""

    socket: str = ""
    """The Unix socket on which the supervisor takes orders."""

    ports: Mapping[str, int] = {}
    """By what listens there."""

    addresses: Mapping[str, str] = {}
    """Where each process is reached, by its name, in the order in which they are shown."""

    links: Mapping[str, str] = {}
    """Pages for a browser, by name."""

    environment: Mapping[str, str] = {}
    """What a process needs to take part. Holds no secret."""

    def save(self, home: Path) -> None:
        """Write the record to `home`, whole or not at all."""
        home.mkdir(parents=True, exist_ok=True)
        unfinished = home / f".{_FILE}.{os.getpid()}"
        unfinished.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        unfinished.replace(home / _FILE)

    def stopped(self) -> "StackRecord":
        """Return the record of the same stack after it was stopped."""
        return self.model_copy(update={"supervisor": None})


def load(home: Path) -> StackRecord | None:
    """Return the record in `home`, None if there is none.

    Raises:
        CommandError: There is a file, but nothing that a stack wrote.
    """
    path = home / _FILE
    try:
        return StackRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise CommandError(f"{str(path)!r} is not what 'callboard up' writes; delete it and start again") from error


@contextmanager
def exclusively(home: Path) -> Generator[None]:
    """Keep other commands from starting or stopping the stack of `home` for the length of the block.

    Raises:
        CommandError: Another command is doing so now.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "stack.lock").open("w") as file:
        try:
            # The kernel lets go of the lock when the process ends, however it ends.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"another command is starting or stopping the mesh in {str(home)!r}; wait for it, or stop it"
            ) from None
        yield
