"""What the depot of the tests, its office and its bank promise each other."""

from datetime import timedelta
from typing import Final

import nexusrpc

from callboard_contracts import Assistance, Goal, Message, describe, promise
from callboard_kit.agent import OperationTool


class Parcel(Message):
    name: str
    weight: float = 1.0


class Refund(Message):
    amount: float
    account: str


class Receipt(Message):
    amount: float


@nexusrpc.service(name="bank.v1")
class Bank:
    """Moves money."""

    refund: nexusrpc.Operation[Refund, Receipt] = promise(
        kind="task",
        effect="irreversible",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=50),
        sensitive={"account": "payment"},
    )
    """Give money back."""


@nexusrpc.service(name="office.v1")
class Office:
    """Does what is asked in words."""

    assist: nexusrpc.Operation[Goal, Assistance] = promise(
        kind="agent",
        effect="irreversible",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=60),
        sensitive={"goal": "words"},
    )
    """Do it."""


OFFICE: Final = OperationTool.all_of(describe(Office))
BANK: Final = OperationTool.all_of(describe(Bank))
