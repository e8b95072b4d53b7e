"""The least that answers a call over gRPC: `python -m bench.registry.echo PORT BYTES`.

It takes any request to `callboard.bench.Echo/Get` and answers the same bytes each time, with no message in between.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import grpc
import grpc.aio

from callboard_kit.ports import LOOPBACK

METHOD: Final = "/callboard.bench.Echo/Get"


async def _serve(port: int, size: int) -> None:
    payload = os.urandom(size)

    async def get(request: bytes, context: object) -> bytes:
        return payload

    handler: Callable[[bytes, object], Awaitable[bytes]] = get
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = grpc.aio.server()
    service, _, method = METHOD.removeprefix("/").partition("/")
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: grpc.unary_unary_rpc_method_handler(handler)}),)
    )
    server.add_insecure_port(f"{LOOPBACK}:{port}")
    await server.start()
    await stopped.wait()
    await server.stop(grace=None)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
