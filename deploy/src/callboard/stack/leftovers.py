"""Processes of a stack that are still there, found by the mark they carry, and how to be rid of them."""

from collections.abc import Sequence
from contextlib import suppress

import psutil

from callboard.stack.record import MARK

_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError)


def carries_mark(pid: int, stack: str) -> bool:
    """Return whether process `pid` lives and belongs to `stack`; another process may have its number by now."""
    with suppress(*_GONE):
        return psutil.Process(pid).environ().get(MARK) == stack
    return False


def marked(stack: str) -> list[psutil.Process]:
    """Return every living process that belongs to `stack`, oldest first."""
    return [each for each in psutil.process_iter() if carries_mark(each.pid, stack)]


def describe(processes: Sequence[psutil.Process]) -> str:
    """Return `processes` in words: what each runs, and its process id."""
    words: list[str] = []
    for each in processes:
        with suppress(*_GONE):
            line = each.cmdline()
            # Python says nothing about what runs: the module after `-m` does.
            what = line[line.index("-m") + 1] if "-m" in line[:3] else each.name()
            words.append(f"{what} ({each.pid})")
    return ", ".join(words)


def end(processes: Sequence[psutil.Process], *, patience: float = 5) -> None:
    """Ask `processes` to stop, and kill those that have not after `patience` seconds."""
    for each in processes:
        with suppress(*_GONE):
            each.terminate()
    _, stubborn = psutil.wait_procs(list(processes), timeout=patience)
    for each in stubborn:
        with suppress(*_GONE):
            each.kill()
    psutil.wait_procs(stubborn, timeout=patience)


def who_listens(port: int) -> str:
    """Return which process listens on `port`, in words, as far as this user may know."""
    with suppress(*_GONE):
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port and connection.pid:
                return describe([psutil.Process(connection.pid)])
    return "a process that cannot be seen from here"
