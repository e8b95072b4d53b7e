"""A small retailer in memory, and a customer who talks to the planner until it has answered."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callboard.offline_model.planner import plan
from callboard.offline_model.wire import ChatRequest

OFFERED = (
    "customers_v1__find_user_id_by_email",
    "customers_v1__find_user_id_by_name_zip",
    "customers_v1__get_user_details",
    "customers_v1__modify_user_address",
    "inventory_v1__list_all_product_types",
    "inventory_v1__get_product_details",
    "orders_v1__get_order_details",
    "orders_v1__cancel_pending_order",
    "orders_v1__modify_pending_order_address",
    "orders_v1__modify_pending_order_items",
    "orders_v1__modify_pending_order_payment",
    "orders_v1__return_delivered_order_items",
    "orders_v1__exchange_delivered_order_items",
    "support_v1__calculate",
    "support_v1__transfer_to_human_agents",
)

HOME = {"address1": "1 Elm St", "address2": "", "city": "Denver", "state": "CO", "country": "USA", "zip": "80210"}
WORK = {
    "address1": "9 Oak Rd",
    "address2": "Suite 2",
    "city": "Austin",
    "state": "TX",
    "country": "USA",
    "zip": "78701",
}


def _shirt(item_id: str, color: str, size: str, price: float, *, available: bool = True) -> dict[str, Any]:
    return {"item_id": item_id, "options": {"color": color, "size": size}, "available": available, "price": price}


PRODUCTS = {
    "p-shirt": {
        "product_id": "p-shirt",
        "name": "T-Shirt",
        "variants": {
            one["item_id"]: one
            for one in (
                _shirt("1000000001", "red", "M", 20.0),
                _shirt("1000000002", "blue", "M", 22.5),
                _shirt("1000000003", "blue", "L", 23.0),
                _shirt("1000000004", "green", "M", 19.0, available=False),
            )
        },
    },
    "p-lamp": {
        "product_id": "p-lamp",
        "name": "Desk Lamp",
        "variants": {
            "2000000001": {
                "item_id": "2000000001",
                "options": {"power source": "USB"},
                "available": True,
                "price": 50.0,
            },
            "2000000002": {
                "item_id": "2000000002",
                "options": {"power source": "AC adapter"},
                "available": True,
                "price": 45.0,
            },
        },
    },
}


def _item(product: str, item_id: str) -> dict[str, Any]:
    found = PRODUCTS[product]
    variant = found["variants"][item_id]
    return {
        "name": found["name"],
        "product_id": product,
        "item_id": item_id,
        "price": variant["price"],
        "options": variant["options"],
    }


def _order(order_id: str, status: str, *items: dict[str, Any], user: str = "ann_lee_1000") -> dict[str, Any]:
    return {
        "order_id": order_id,
        "user_id": user,
        "address": HOME,
        "items": list(items),
        "status": status,
        "fulfillments": [{"tracking_id": ["77"], "item_ids": [item["item_id"] for item in items]}],
        "payment_history": [{"transaction_type": "payment", "amount": 1.0, "payment_method_id": "credit_card_1"}],
    }


RECORDS = {
    "ann_lee_1000": {
        "user_id": "ann_lee_1000",
        "name": {"first_name": "Ann", "last_name": "Lee"},
        "address": HOME,
        "email": "ann.lee@example.com",
        "payment_methods": {
            "credit_card_1": {"source": "credit_card", "id": "credit_card_1", "brand": "visa", "last_four": "1234"},
            "gift_card_2": {"source": "gift_card", "id": "gift_card_2", "balance": 80},
        },
        "orders": ["#W1", "#W2", "#W3"],
    },
    "#W1": _order("#W1", "pending", _item("p-shirt", "1000000001"), _item("p-lamp", "2000000001")),
    "#W2": _order("#W2", "delivered", _item("p-shirt", "1000000002"), _item("p-lamp", "2000000001")),
    "#W3": {**_order("#W3", "pending", _item("p-lamp", "2000000002")), "address": WORK},
    "#W9": _order("#W9", "pending", _item("p-lamp", "2000000001"), user="bob_ray_2000"),
}


@dataclass
class Talk:
    """One conversation: what was called, step by step, and the answer."""

    answer: str = ""
    steps: list[list[tuple[str, Any]]] = field(default_factory=list)

    @property
    def effects(self) -> list[tuple[str, Any]]:
        """The calls that change something."""
        reads = ("find_", "get_", "list_", "calculate")
        return [call for step in self.steps for call in step if not call[0].startswith(reads)]


class Shop:
    """Answers calls; `refusals` says which operations it refuses, and in what words, `found` what a search finds."""

    def __init__(
        self, refusals: Mapping[str, str] | None = None, kind: str = "refused", *, found: Sequence[str] = ()
    ) -> None:
        self._records = copy.deepcopy(RECORDS)
        self._refusals = refusals or {}
        self._kind = kind
        self._found = found

    def talk(self, words: str, *, offered: Sequence[str] = OFFERED) -> Talk:
        """Talk with the planner until it answers."""
        tools = [{"type": "function", "function": {"name": name}} for name in offered]
        messages: list[dict[str, Any]] = [{"role": "user", "content": words}]
        talk = Talk()
        for _ in range(12):
            reply = plan(ChatRequest.model_validate({"model": "m", "messages": messages, "tools": tools}))
            if not reply.calls:
                talk.answer = reply.content or ""
                return talk
            messages.append({"role": "assistant", "tool_calls": [call.model_dump() for call in reply.calls]})
            step: list[tuple[str, Any]] = []
            for call in reply.calls:
                operation = call.function.name.rpartition("__")[2]
                arguments = json.loads(call.function.arguments)
                step.append((operation, arguments))
                if operation == "open_tools":
                    tools += [{"type": "function", "function": {"name": name}} for name in arguments["names"]]
                content = json.dumps(self._answer(operation, arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
            talk.steps.append(step)
        raise AssertionError(f"no answer after 12 steps: {talk.steps}")

    def _answer(self, operation: str, arguments: dict[str, Any]) -> Any:
        if operation in self._refusals:
            return {"error": {"kind": self._kind, "message": self._refusals[operation]}}
        answers: dict[str, Callable[[], Any]] = {
            "find_user_id_by_email": lambda: {"user_id": "ann_lee_1000"},
            "find_user_id_by_name_zip": lambda: {"user_id": "ann_lee_1000"},
            "list_all_product_types": lambda: {"product_types": {p["name"]: i for i, p in PRODUCTS.items()}},
            "get_product_details": lambda: PRODUCTS[arguments["product_id"]],
            "calculate": lambda: {"result": f"{eval(arguments['expression']):.2f}"},
            "transfer_to_human_agents": lambda: {"message": "Transfer successful"},
            "search_tools": lambda: {"tools": [{"name": name, "open": False} for name in self._found]},
            "open_tools": lambda: {"tools": [{"name": name} for name in arguments["names"]], "unknown": []},
        }
        if operation in answers:
            return answers[operation]()
        return self._records[arguments.get("order_id") or arguments["user_id"]]
