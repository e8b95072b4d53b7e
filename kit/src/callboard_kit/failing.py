"""How the errors of the contracts' vocabulary become Temporal's, and back: one table, one place.

| raised by the callee | what Temporal carries | what the caller's code sees |
|---|---|---|
| `RefusedError` | operation failed, `RefusedError`, not retryable | `RefusedError` |
| `UnavailableError` | operation failed, `UnavailableError` | `UnavailableError` |
| `DryRunError`, for what a dry run leaves undone | operation failed, `DryRunError`, not retryable | `DryRunError` |
| refusal by the mesh (token, policy, schema) | handler error, not retryable | `RefusedError` |
| anything else | operation failed, `MeshError`, with a reference into the team's log | `MeshError` |
| no answer in time | Temporal's time-out | `UnavailableError` |

What an unexpected exception says stays with the team: its text may hold what the caller must not see. For the same
reason nothing that crosses has a cause: Temporal would send the whole chain.
"""

import logging
import uuid
from collections.abc import Iterator
from typing import Final, NoReturn

import nexusrpc
from temporalio.exceptions import ApplicationError, CancelledError, FailureError, TimeoutError

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit.trials.dry import DryRunError

logger: Final = logging.getLogger(__name__)

_BY_NAME: Final[dict[str, type[MeshError]]] = {
    kind.__name__: kind for kind in (RefusedError, UnavailableError, MeshError, DryRunError)
}

_REFUSALS: Final = frozenset(
    {
        nexusrpc.HandlerErrorType.BAD_REQUEST,
        nexusrpc.HandlerErrorType.UNAUTHENTICATED,
        nexusrpc.HandlerErrorType.UNAUTHORIZED,
        nexusrpc.HandlerErrorType.NOT_FOUND,
        nexusrpc.HandlerErrorType.CONFLICT,
        nexusrpc.HandlerErrorType.NOT_IMPLEMENTED,
    }
)


def to_failure(error: MeshError) -> ApplicationError:
    """Return the Temporal failure that carries `error`; only a refusal tells Temporal not to retry."""
    return ApplicationError(
        str(error), type=type(error).__name__, non_retryable=not isinstance(error, UnavailableError)
    )


def end_operation(error: MeshError) -> NoReturn:
    """End one Nexus operation with `error`, without a retry and without touching the circuit breaker.

    Raises:
        nexusrpc.OperationError: Always.
    """
    failed = nexusrpc.OperationError(str(error), state=nexusrpc.OperationErrorState.FAILED)
    raise failed from to_failure(error)


def unexpected(error: BaseException, *, where: str) -> MeshError:
    """Log an exception nobody expected and return what the caller may know of it."""
    reference = uuid.uuid4().hex[:12]
    logger.error("%s failed unexpectedly, reference %s", where, reference, exc_info=error)
    return MeshError(f"{where} failed for a reason of its own; its team finds it as {reference} in its log")


def from_failure(error: BaseException, *, what: str) -> MeshError | None:
    """Return what a caller is told about `error`; None for a cancellation and for what is no failure.

    Args:
        error: What Temporal raised.
        what: The call, in words, for an error that has none of its own.
    """
    if (known := from_vocabulary(error, what=what)) is not None:
        return known
    links = list(_causes(error))
    if any(isinstance(link, CancelledError) for link in links):
        return None
    if any(isinstance(link, FailureError) for link in links):
        return MeshError(f"{what} failed for a reason of its own")
    return None


def from_vocabulary(error: BaseException, *, what: str) -> MeshError | None:
    """Return the error of the vocabulary that `error` carries; None when it carries none, or is a cancellation."""
    for link in _causes(error):
        if isinstance(link, CancelledError):
            return None
        if isinstance(link, MeshError):
            return link
        if isinstance(link, ApplicationError) and link.type in _BY_NAME:
            return _BY_NAME[link.type](link.message)
        if isinstance(link, nexusrpc.HandlerError):
            return _from_handler_error(link, what)
        if isinstance(link, TimeoutError):
            return UnavailableError(f"{what} gave no answer in time")
    return None


def _from_handler_error(error: nexusrpc.HandlerError, what: str) -> MeshError:
    if error.type in _REFUSALS or error.retryable_override is False:
        return RefusedError(error.message)
    return UnavailableError(f"{what} is not available: {error.message}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__
