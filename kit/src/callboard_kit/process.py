"""How a process of the mesh ends: through one guarded door.

An interpreter that used temporalio sometimes crashes while it is taken apart at exit, after all work is done, and then
reports a signal instead of its exit code. So every entry point hands its exit code to `guarded_exit`, which flushes
what is still buffered and leaves without the taking apart. Delete this when a hundred short runs end clean without it.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn

FAILED: Final = 1
INTERRUPTED: Final = 130

_flushes: list[Callable[[], object]] = []


def before_exit(flush: Callable[[], object]) -> None:
    """Have `flush` called once when the process ends; use it where `atexit` would be used."""
    _flushes.append(flush)


def guarded_exit(code: int = 0) -> NoReturn:
    """Flush logs, streams and whatever `before_exit` was given, then end the process with `code` at once."""
    for flush in reversed(_flushes):
        # A flush that hangs (an exporter without its collector) must not keep the process from ending.
        thread = threading.Thread(target=flush, daemon=True)
        thread.start()
        thread.join(timeout=3)
    logging.shutdown()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # Whoever read us is gone, or the stream is closed: nothing is left to flush.
    os._exit(code)


def run_guarded(work: Callable[[], int | None]) -> NoReturn:
    """Do `work` as the whole of this process and leave through `guarded_exit` with the code it returns.

    `SystemExit` keeps its code, Ctrl-C ends with 130, and any other exception is shown and ends with 1.
    """
    try:
        code = work() or 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else (0 if stop.code is None else FAILED)
        if isinstance(stop.code, str):
            sys.stderr.write(f"{stop.code}\n")
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = FAILED
    guarded_exit(code)
