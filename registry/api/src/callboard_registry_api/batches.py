"""Call records as they are sent: in batches that are small enough, with texts that are short enough."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from callboard_registry_api.model import CallRecord
from callboard_registry_api.v1 import registry_pb2 as pb

LONGEST_TEXT: Final = 1000
"""Characters of each text in a call record that are reported."""

_MOST_RECORDS: Final = 1000
_LARGEST_BATCH: Final = 768 * 1024


def batches(records: Iterable[CallRecord]) -> Iterator[bytes]:
    """Serialize records as `CallBatch` messages, each small enough to be taken."""
    batch, size = pb.CallBatch(), 0
    for record in records:
        message = _cut(record).to_message()
        if len(batch.records) == _MOST_RECORDS or (size and size + message.ByteSize() > _LARGEST_BATCH):
            yield batch.SerializeToString()
            batch, size = pb.CallBatch(), 0
        batch.records.append(message)
        size += message.ByteSize()
    if size:
        yield batch.SerializeToString()


def _cut(record: CallRecord) -> CallRecord:
    texts = {
        name: value.encode(errors="replace").decode().replace("\x00", "?")[:LONGEST_TEXT]
        for name, value in vars(record).items()
        if isinstance(value, str)
    }
    return replace(record, **texts)
