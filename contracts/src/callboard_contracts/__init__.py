"""What teams promise each other: messages, errors, promises, and a service class for each version of a service.

Depends on pydantic, nexus-rpc and rfc8785 and on nothing else; does no I/O when imported, and is passed through
Temporal's workflow sandbox.
"""

from callboard_contracts.agents import Assistance, Deed, Goal, Outcome, Usage
from callboard_contracts.catalog import service_named, services
from callboard_contracts.descriptions import OperationDescription, ServiceDescription, describe
from callboard_contracts.errors import MeshError, RefusedError, UnavailableError
from callboard_contracts.messages import Message, Nothing
from callboard_contracts.promises import (
    DataClass,
    Effect,
    Example,
    Idempotency,
    Kind,
    Promise,
    PromisedOperation,
    promise,
    promise_of,
)

__all__ = [
    "Assistance",
    "DataClass",
    "Deed",
    "Effect",
    "Example",
    "Goal",
    "Idempotency",
    "Kind",
    "MeshError",
    "Message",
    "Nothing",
    "OperationDescription",
    "Outcome",
    "Promise",
    "PromisedOperation",
    "RefusedError",
    "ServiceDescription",
    "UnavailableError",
    "Usage",
    "describe",
    "promise",
    "promise_of",
    "service_named",
    "services",
]
