"""Runs the registry: `python -m callboard_registry`."""

import asyncio
import logging
import sys

from callboard_kit.process import run_guarded
from callboard_kit.settings import SettingsError
from callboard_registry.opening import StartError
from callboard_registry.server import serve
from callboard_registry.settings import Settings


def main() -> int:
    """Serve until told to stop; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        asyncio.run(serve(Settings.from_environment()))
    except (StartError, SettingsError, OSError) as error:
        sys.stderr.write(f"registry: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    # The kit brings temporalio along, which may crash an interpreter that is taken apart.
    run_guarded(main)
