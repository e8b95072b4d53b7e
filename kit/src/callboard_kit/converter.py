"""The payload converter of the mesh: pydantic's, which also keeps the bytes of a Nexus input as they were sent.

The SDK parses an operation's input before any interceptor sees the call. Two things would be lost by then: the bytes
that the caller signed, and the order of checks (a stranger would be told what is wrong with the input before being
told that they are a stranger). So while a Nexus input is decoded, this converter keeps the bytes, and does not raise
when they do not fit the type: the handler-side interceptor judges token and policy first and the input after that.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import temporalio.api.common.v1
from pydantic import ValidationError
from temporalio import nexus
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter

from callboard_kit.identity import digest


@dataclass(frozen=True)
class Arrival:
    """The input of the Nexus operation at hand, as it was sent."""

    data: bytes
    digest: str
    fault: str | None = None
    """Why the bytes do not fit the operation's type; None when they do."""


_arrival: Final[ContextVar[Arrival | None]] = ContextVar("callboard_arrival", default=None)


def arrival() -> Arrival | None:
    """Return the input of the Nexus operation that this task handles, or None outside of one."""
    return _arrival.get()


class MeshPayloadConverter(PydanticPayloadConverter):
    """Pydantic's converter, with a memory for the input of a Nexus operation."""

    def from_payloads(
        self,
        payloads: Sequence[temporalio.api.common.v1.Payload],
        type_hints: list[type] | None = None,
    ) -> list[Any]:  # Any: the base class's own signature
        """Decode as the base class does; keep the bytes of a Nexus input, and its fault instead of raising it."""
        # Only the first decoding in an operation's task is its input; a later one is a result the handler fetched.
        if not nexus.in_operation() or _arrival.get() is not None or len(payloads) != 1:
            return super().from_payloads(payloads, type_hints)
        data = payloads[0].data
        try:
            values = super().from_payloads(payloads, type_hints)
        except (ValueError, TypeError, LookupError, RuntimeError) as error:
            _arrival.set(Arrival(data=data, digest=digest(data), fault=_first_line(error)))
            return [None]
        _arrival.set(Arrival(data=data, digest=digest(data)))
        return values


DATA_CONVERTER: Final = DataConverter(payload_converter_class=MeshPayloadConverter)
"""What every client and worker of the mesh encodes with."""


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in fault['loc']) or 'input'}: {fault['msg']}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
