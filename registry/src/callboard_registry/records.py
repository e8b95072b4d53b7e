"""Call records as teams send them: read with suspicion, and only about the team's own calls."""

from typing import Final

from google.protobuf.message import DecodeError

from callboard_registry.refusals import Refusal
from callboard_registry_api.model import CallRecord
from callboard_registry_api.v1 import registry_pb2 as pb

LARGEST: Final = 1024 * 1024
"""Bytes a batch may have."""

MOST: Final = 1000
"""Records a batch may have."""

LONGEST: Final = 1000
"""Characters a text in a record may have."""


def read_batch(batch: bytes, *, reporter: str) -> tuple[CallRecord, ...]:
    """Read a serialized `CallBatch` that `reporter` sends.

    Raises:
        Refusal: It is malformed, too large, or tells of calls that `reporter` neither answered nor made.
    """
    if len(batch) > LARGEST:
        raise Refusal("invalid", "batch", f"batch has {len(batch)} bytes; at most {LARGEST} are taken, send several")
    try:
        messages = pb.CallBatch.FromString(batch).records
    except DecodeError as error:
        raise Refusal("invalid", "batch", "batch is no serialized CallBatch") from error
    if len(messages) > MOST:
        raise Refusal("invalid", "batch.records", f"{len(messages)} records at once; at most {MOST} are taken")
    return tuple(_read(message, f"batch.records[{index}]", reporter) for index, message in enumerate(messages))


def _read(message: pb.CallRecord, field: str, reporter: str) -> CallRecord:
    try:
        record = CallRecord.from_message(message)
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", field, f"record cannot be read: {error}") from error
    long = next((name for name, value in vars(record).items() if isinstance(value, str) and len(value) > LONGEST), None)
    if long is not None:
        raise Refusal("invalid", f"{field}.{long}", f"{long} has more than {LONGEST} characters; cut it")
    strange = next((name for name, value in vars(record).items() if isinstance(value, str) and "\x00" in value), None)
    if strange is not None:
        raise Refusal("invalid", f"{field}.{strange}", f"{strange} holds the character NUL; leave it out")
    # A second endpoint, `<team>-canary`, is the team's too.
    if reporter not in (record.caller, record.endpoint, record.endpoint.removesuffix("-canary")):
        raise Refusal(
            "denied", f"{field}.endpoint", f"{reporter!r} neither answered nor made a call to {record.endpoint!r}"
        )
    return record
