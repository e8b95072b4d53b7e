"""Run the gateway: `python -m callboard_orchestrator.gateway`."""

import asyncio
import logging
import os
import sys
from typing import Final

import uvicorn

from callboard_kit.client import ConnectError, KeyFileError
from callboard_kit.process import run_guarded
from callboard_kit.settings import Settings, SettingsError
from callboard_kit.telemetry import start_telemetry
from callboard_orchestrator.gateway.app import create_app, parts_of

ADDRESS_VARIABLE: Final = "CALLBOARD_GATEWAY"
DEFAULT_ADDRESS: Final = "127.0.0.1:7490"


def main() -> int:
    """Serve until told to stop; 1 and one line that says why when it cannot."""
    try:
        settings = Settings.from_environment()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        host, port = _address(os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS)
        start_telemetry("gateway")
        asyncio.run(_serve(settings, host, port))
    except (SettingsError, ConnectError, KeyFileError) as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 1
    return 0


async def _serve(settings: Settings, host: str, port: int) -> None:
    async with parts_of(settings) as parts:
        app = create_app(parts)
        # A connection is kept for longer than proxies and clients keep theirs, so that it is they who end it. Streams
        # end when their clients go; whoever is still there is let go of after two seconds.
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=75,
        )
        await uvicorn.Server(config).serve()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsError(f"{ADDRESS_VARIABLE} is {text!r}; it must be host:port")
    return host, int(port)


if __name__ == "__main__":
    run_guarded(main)
