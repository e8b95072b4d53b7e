"""A process ends with the code it means, with everything flushed, whatever hangs."""

import subprocess
import sys
import time

import pytest

from callboard_kit import process

PROCESS = str(process.__file__)


def run(body: str) -> subprocess.CompletedProcess[str]:
    # By path: importing the package would bring all of Temporal along.
    program = f"import logging, runpy, sys, time\nglobals().update(runpy.run_path({PROCESS!r}))\n{body}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("work", "code", "stderr"),
    [
        ("lambda: None", 0, ""),
        ("lambda: 3", 3, ""),
        ("lambda: sys.exit()", 0, ""),
        ("lambda: sys.exit(4)", 4, ""),
        ("lambda: sys.exit('told so')", 1, "told so\n"),
    ],
)
def test_a_process_ends_with_the_code_of_its_work(work: str, code: int, stderr: str) -> None:
    done = run(f"run_guarded({work})")

    assert (done.returncode, done.stderr) == (code, stderr)


def test_an_exception_is_shown_and_ends_with_one() -> None:
    done = run("def work():\n    raise KeyError('what')\nrun_guarded(work)")

    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("KeyError: 'what'\n")


def test_ctrl_c_ends_with_130_and_no_trace() -> None:
    done = run("def work():\n    raise KeyboardInterrupt\nrun_guarded(work)")

    assert (done.returncode, done.stderr) == (130, "")


def test_what_was_printed_logged_or_left_to_flush_gets_out() -> None:
    done = run(
        "before_exit(lambda: print('flushed'))\n"
        "handler = logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout))\n"
        "logging.getLogger().addHandler(handler)\n"
        "logging.warning('logged')\n"
        "print('printed', end='')\n"
        "guarded_exit(0)".replace("handler =", "import logging.handlers\nhandler =")
    )

    assert done.returncode == 0
    assert done.stdout == "printedflushed\nlogged\n"


def test_the_last_to_ask_is_flushed_first_and_a_failing_one_keeps_nobody() -> None:
    done = run(
        "before_exit(lambda: print('a'))\nbefore_exit(lambda: 1 / 0)\nbefore_exit(lambda: print('b'))\nguarded_exit(7)"
    )

    assert (done.returncode, done.stdout) == (7, "b\na\n")


def test_a_flush_that_hangs_keeps_the_process_for_a_moment_only() -> None:
    began = time.monotonic()

    done = run("before_exit(lambda: time.sleep(60))\nprint('out')\nguarded_exit(5)")

    assert (done.returncode, done.stdout) == (5, "out\n")
    assert time.monotonic() - began < 20


def test_threads_that_never_end_do_not_keep_the_process() -> None:
    done = run("import threading\nthreading.Thread(target=lambda: time.sleep(60)).start()\nguarded_exit(0)")

    assert done.returncode == 0


def test_a_reader_that_is_gone_changes_nothing() -> None:
    done = run("sys.stdout.close()\nguarded_exit(2)")

    assert done.returncode == 2
