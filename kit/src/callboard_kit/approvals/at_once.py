"""Which handlers answer at once, with no workflow behind them in which a call could wait for a person."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import nexusrpc.handler

_AT_ONCE: Final = "SyncOperationHandler"
"""What nexus-rpc calls such a handler, whether it is `async` or not; it exports no name for them."""


def answering_at_once(handlers: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Yield service and operation of those among a worker's Nexus handlers that answer at once."""
    if not handlers:
        return
    # It wants somewhere to run those that are not `async`. Nothing is run here, so no thread is made.
    found = nexusrpc.handler.Handler(handlers, ThreadPoolExecutor(1))
    for name, service in found.service_handlers.items():
        for operation, handler in service.operation_handlers.items():
            if type(handler).__name__ == _AT_ONCE:
                yield name, operation
