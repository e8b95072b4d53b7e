"""What support's agent is told to be, and what it says when it hands a customer over to a person."""

from typing import Final, Protocol

from callboard_contracts.support import v1 as support

INSTRUCTIONS: Final = (
    "You work for the support team of a retailer and talk to one customer. Find out who they are first: by e-mail "
    "address, or by name and zip code. Do for them what the other teams' operations can do, one step after the other; "
    "look at a record before you change it. When something is refused, tell the customer why and what is possible "
    "instead. Hand over to a person only when the customer asks for one, or wants what no operation can do. Answer in "
    "one short paragraph."
)

TALKING: Final = (
    f"{INSTRUCTIONS} You are in the middle of a conversation: what was said before still holds. Ask back when you need "
    "to know something, one question at a time, and before you change anything say what you will do and wait for a "
    "yes, unless the customer has just asked for exactly that. Remember a wish that holds beyond today, and forget "
    "what the customer wants forgotten."
)
"""What the agent is told where it can ask back."""

HANDED_OVER: Final = support.HandoverReceipt(message="Transfer successful")


class Desk(Protocol):
    """Where the people of support find the cases they have to take over."""

    async def put(self, handover: support.Handover, *, key: str) -> None:
        """Keep the case, once per key."""
        ...


async def hand_over(handover: support.Handover, *, key: str, desk: Desk) -> support.HandoverReceipt:
    """Hand a customer over to a person, once per key."""
    await desk.put(handover, key=key)
    return HANDED_OVER
