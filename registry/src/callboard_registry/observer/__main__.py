"""Runs the observer: `python -m callboard_registry.observer`."""

import asyncio
import logging
import sys

from callboard_kit.process import run_guarded
from callboard_kit.settings import SettingsError
from callboard_registry.observer.process import observe
from callboard_registry.observer.settings import Settings
from callboard_registry.opening import StartError


def main() -> int:
    """Look until told to stop; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(observe(Settings.from_environment()))
    except (StartError, SettingsError, OSError) as error:
        sys.stderr.write(f"observer: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    run_guarded(main)
