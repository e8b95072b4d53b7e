"""Heartbeats as workers send them: read with suspicion, and only about the team's own services."""

from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.message import DecodeError

from callboard_registry.access import CLOCK_SKEW
from callboard_registry.refusals import Refusal
from callboard_registry_api.health import Heartbeat
from callboard_registry_api.v1 import registry_pb2 as pb

LARGEST: Final = 64 * 1024
"""Bytes a heartbeat may have."""

MOST_SERVICES: Final = 200
"""Services a worker may serve."""

LONGEST_NAME: Final = 200
"""Characters a name may have."""

LONGEST_TEXT: Final = 2000
"""Characters a text may have."""

_TEXTS: Final = frozenset({"owner", "contact", "description"})
_LEAST: Final = timedelta(seconds=0.1)
_MOST: Final = timedelta(hours=1)


def read_heartbeat(data: bytes, *, team: str) -> Heartbeat:
    """Read a serialized `Heartbeat` that a worker of `team` sends.

    Raises:
        Refusal: It is malformed, too large, from the future, or tells of services of another team.
    """
    if len(data) > LARGEST:
        raise Refusal("invalid", "heartbeat", f"heartbeat has {len(data)} bytes; at most {LARGEST} are taken")
    try:
        heartbeat = Heartbeat.from_message(pb.Heartbeat.FromString(data))
    except DecodeError as error:
        raise Refusal("invalid", "heartbeat", "heartbeat is no serialized Heartbeat") from error
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", "heartbeat", f"heartbeat cannot be read: {error}") from error
    _require_texts(heartbeat)
    _require_services(heartbeat, team)
    if not _LEAST <= heartbeat.every <= _MOST:
        raise Refusal("invalid", "heartbeat.every", f"every is {heartbeat.every}; it must be {_LEAST} to {_MOST}")
    for name in ("started", "sent"):
        if getattr(heartbeat, name) > datetime.now(UTC) + timedelta(seconds=CLOCK_SKEW):
            field = f"heartbeat.{name}"
            raise Refusal("invalid", field, f"it was {name} in the future; compare the two machines' clocks")
    return heartbeat


def _require_texts(heartbeat: Heartbeat) -> None:
    texts = {name: value for name, value in vars(heartbeat).items() if isinstance(value, str)}
    for index, served in enumerate(heartbeat.serves):
        texts |= {f"serves[{index}].service": served.service, f"serves[{index}].digest": served.digest}
    for name, value in texts.items():
        longest = LONGEST_TEXT if name in _TEXTS else LONGEST_NAME
        if len(value) > longest:
            raise Refusal("invalid", f"heartbeat.{name}", f"{name} has more than {longest} characters; cut it")
        if "\x00" in value:
            raise Refusal("invalid", f"heartbeat.{name}", f"{name} holds the character NUL; leave it out")
    for name in ("worker", "namespace", "task_queue"):
        if not texts[name]:
            raise Refusal("invalid", f"heartbeat.{name}", f"{name} is empty; a worker says which it is")


def _require_services(heartbeat: Heartbeat, team: str) -> None:
    if len(heartbeat.serves) > MOST_SERVICES:
        raise Refusal("invalid", "heartbeat.serves", f"a worker serves at most {MOST_SERVICES} services")
    for index, served in enumerate(heartbeat.serves):
        if served.service.partition(".")[0] != team:
            field = f"heartbeat.serves[{index}].service"
            raise Refusal("denied", field, f"{served.service!r} is not a service of {team!r}, who signed this")
        if any(mark in served.service + served.digest for mark in " \n"):
            raise Refusal("invalid", f"heartbeat.serves[{index}]", "names of services and digests have no blanks")
