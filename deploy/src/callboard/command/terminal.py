"""What all commands say, and how: results to stdout, everything else to stderr."""

import json
import sys
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


def home() -> Path:
    """Return the folder of the stack that this command is about."""
    return Settings.from_environment().home
