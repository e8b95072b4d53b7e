"""What all commands say, and how: results to stdout, everything else to stderr."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from callboard_kit.settings import Settings

PREFIX: Final = "callboard: "


def say(line: str) -> None:
    """Tell the person something that is not the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def complain(line: str) -> None:
    """Tell the person what is wrong, on one line."""
    say(PREFIX + line)


def print_result(text: str) -> None:
    """Print a result for people."""
    sys.stdout.write(f"{text}\n")


def print_json(value: object) -> None:
    """Print a result for programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def since(moment: datetime, now: datetime) -> str:
    """Return how long ago something was, in one unit."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def home() -> Path:
    """Return the folder of the stack that this command is about."""
    return Settings.from_environment().home
