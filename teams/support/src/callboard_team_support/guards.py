"""What holds whatever support's model says: the guards of the agent that works on a goal, and of the one that talks."""

from typing import Final

from callboard_kit.guards import PASS, BeforeEffect, Doing, Guard, Verdict, refuse
from callboard_kit.guards.cards import NO_CARD_NUMBERS

_IDENTIFY: Final = frozenset({"find_user_id_by_email", "find_user_id_by_name_zip"})


def belongs_to_the_customer(doing: Doing) -> Verdict:
    """Say whether an order that is about to change is one of the customer's who was identified in this run."""
    order_id = doing.arguments.get("order_id")
    known = {user for each in doing.heard if each.operation in _IDENTIFY if (user := _field(each.result, "user_id"))}
    owners = {
        owner
        for each in doing.heard
        if each.operation == "get_order_details" and _field(each.result, "order_id") == order_id
        if (owner := _field(each.result, "user_id"))
    }
    if known and owners - known:
        return refuse(f"order {order_id!r} is not the customer's who was identified; leave it as it is")
    return PASS


OWN_ORDERS: Final = BeforeEffect(
    name="own-orders", tools=("orders.v1.*",), effects=("write", "irreversible"), check=belongs_to_the_customer
)
"""What is changed for a customer is theirs, as far as records that were looked at tell."""

GUARDS: Final[tuple[Guard, ...]] = (OWN_ORDERS, NO_CARD_NUMBERS)


def _field(result: object, name: str) -> str:
    return str(result.get(name) or "") if isinstance(result, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - JSON of another team
