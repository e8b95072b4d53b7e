"""Orchestrator, version 1: have its watch look now, because something happened.

Frozen once released. A change that would break a caller is a new `v2.py`.
"""

from datetime import timedelta
from typing import Final

import nexusrpc

from callboard_contracts import Example, Message, Nothing, promise

ENDPOINT: Final = "orchestrator"
"""The Nexus endpoint that serves every version of this service."""


class Awakened(Message):
    """Proof that the watch looks, or will when it has rested."""

    watch: str
    """What it is called, for instance `orchestrator-watch`."""


@nexusrpc.service(name="orchestrator.v1")
class Orchestrator:
    """Watches over refunds, stock and runs, and looks at once when another team says that something happened."""

    wake_watch: nexusrpc.Operation[Nothing, Awakened] = promise(
        kind="task",
        effect="write",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        model_callable=False,
        examples=(Example(input={}, output={"watch": "orchestrator-watch"}),),
    )
    """Have the watch look now. What happened is not passed on: it looks for itself.

    However often it is asked, it looks once, and once more if it was asked while it looked. Refused while it is paused,
    or was never started.
    """
