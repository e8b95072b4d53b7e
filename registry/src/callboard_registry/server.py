"""The process: gRPC and HTTP on one event loop, until it is told to stop."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, cast

import grpc.aio
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from sqlalchemy.exc import OperationalError
from typing_extensions import override

from callboard_registry.admission import Admission
from callboard_registry.opening import StartError, open_database
from callboard_registry.registry import Registry
from callboard_registry.rpc import RegistryRpc
from callboard_registry.rpc.admitting import Admitting
from callboard_registry.settings import Address, Settings, shown
from callboard_registry.web import web_application
from callboard_registry_api.v1 import registry_pb2
from callboard_registry_api.v1.registry_pb2_grpc import (
    add_RegistryServiceServicer_to_server,  # pyright: ignore[reportUnknownVariableType] - generated without types
)

GRACE: Final = 5.0
"""Seconds that calls in flight get to finish when the process is told to stop."""

PRUNING: Final = timedelta(minutes=10)
"""How often what is not to be kept is looked for."""

_NAME: Final = registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Addresses:
    """Where the two servers really listen."""

    grpc: Address
    http: Address


class _Health(Protocol):
    async def set(self, service: str, status: health_pb2.HealthCheckResponse.ServingStatus) -> None: ...

    async def enter_graceful_shutdown(self) -> None: ...


class _Http(uvicorn.Server):
    """Leaves signals to the process, which has two servers to stop."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        StartError: The registry cannot start.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(settings) as addresses:
        where = shown(settings.database)
        scheme = "https" if settings.encryption else "http"
        log.info("serving gRPC on %s and %s://%s from %s", addresses.grpc, scheme, addresses.http, where)
        await stop.wait()
        log.info("stopping: calls in flight get %g seconds", GRACE)
    log.info("stopped")


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[Addresses]:
    """Serve for as long as the block runs, and tell where.

    At its end no new calls are taken, those in flight get `GRACE` seconds to finish, and the database is closed.

    Raises:
        StartError: The database cannot be written or a port is in use.
    """
    # Ports first: a second registry started by mistake must not touch the first one's database.
    listener = _listener(settings.http, "CALLBOARD_REGISTRY_HTTP")
    try:
        _listener(settings.grpc, "CALLBOARD_REGISTRY_GRPC").close()
        registry = Registry(
            open_database(settings.database),
            administrator_token=settings.administrator_token,
            approvers=settings.approvers,
            approved_when_compatible=settings.approved_when_compatible,
            levels=settings.levels,
            watchers=settings.watchers,
            retention=settings.retention,
            reading_needs_token=settings.reading_needs_token,
        )
    except StartError:
        listener.close()
        raise
    async with contextlib.AsyncExitStack() as last_comes_first:
        last_comes_first.callback(registry.close)
        last_comes_first.callback(listener.close)
        registry.prepare()
        admission = Admission(
            registry.proving,
            registry.threads,
            limit=settings.limit,
            reading_needs_token=settings.reading_needs_token,
        )
        pruning = asyncio.create_task(_prune(registry))
        last_comes_first.push_async_callback(_ended, pruning)
        checks = cast(_Health, health.aio.HealthServicer())  # pyright: ignore - the published types do not know it
        grpc_address = await last_comes_first.enter_async_context(_grpc(registry, admission, checks, settings))
        await last_comes_first.enter_async_context(_http(registry, admission, settings, listener))
        # Watchers would use up the time of grace, only to be cut off at its end.
        last_comes_first.callback(registry.watching.stop)
        last_comes_first.push_async_callback(checks.enter_graceful_shutdown)
        yield Addresses(grpc=grpc_address, http=Address(settings.http.host, cast(int, listener.getsockname()[1])))


async def _prune(registry: Registry) -> None:
    while True:
        try:
            forgotten = await registry.watching.prune()
        except OperationalError as error:
            log.warning("what happened long ago is still kept: %s", error.orig)
        else:
            if forgotten:
                log.info("%d changes that happened long ago are not kept any more", forgotten)
        await asyncio.sleep(PRUNING.total_seconds())


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.asynccontextmanager
async def _grpc(
    registry: Registry, admission: Admission, checks: _Health, settings: Settings
) -> AsyncGenerator[Address]:
    address = settings.grpc
    # Without this option a second server may bind the same port, and each gets half of the calls.
    options = [("grpc.so_reuseport", 0)]
    # The published types of gRPC leave the handlers open, and know nothing of the health servicer for asyncio.
    interceptors = () if admission.admits_all else (Admitting(admission),)
    server = grpc.aio.server(options=options, interceptors=interceptors)  # pyright: ignore[reportUnknownMemberType] - see above
    add_RegistryServiceServicer_to_server(RegistryRpc(registry), server)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = (_NAME, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    try:
        port = (
            server.add_secure_port(str(address), settings.encryption.for_grpc())
            if settings.encryption
            else server.add_insecure_port(str(address))
        )
    except RuntimeError as error:
        raise StartError(f"{address} cannot be served on ({error}); set CALLBOARD_REGISTRY_GRPC") from error
    await server.start()
    await checks.set(_NAME, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield Address(address.host, port)
    finally:
        await server.stop(GRACE)


@contextlib.asynccontextmanager
async def _http(
    registry: Registry, admission: Admission, settings: Settings, listener: socket.socket
) -> AsyncGenerator[None]:
    config = uvicorn.Config(
        web_application(registry, admission, settings.console),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(GRACE),
        lifespan="off",
    )
    config.load()
    if settings.encryption:
        config.ssl = settings.encryption.for_http()
    server = _Http(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _listener(address: Address, variable: str) -> socket.socket:
    """Bind a socket to `address`, or say in one line why not."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # By this protocol asyncio tells that answers are to be sent at once; else each waits 40 ms for its reader.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host.strip("[]"), address.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise StartError(
            f"{address} cannot be served on ({error.strerror or error}); stop what listens there or set {variable}"
        ) from error
    return listener
