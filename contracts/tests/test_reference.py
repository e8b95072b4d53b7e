"""The contracts take every action of the public retail tasks and can say every result; skipped without the data."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from callboard_contracts import describe, services

DATA = Path(os.environ.get("CALLBOARD_RETAIL_DATA", Path(__file__).parents[3] / "shared" / "tau2-retail"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the retail data is not in {DATA}")

OPERATIONS = {operation.name: operation for name in services for operation in describe(services[name]).operations}
# `assist` is every team's; none of the tasks calls it.
MODELS = {
    name: getattr(service, name) for name in OPERATIONS for service in services.values() if hasattr(service, name)
}
WRAPPED = {
    "find_user_id_by_email": "user_id",
    "find_user_id_by_name_zip": "user_id",
    "calculate": "result",
    "transfer_to_human_agents": "message",
}


@cache
def actions() -> list[dict[str, Any]]:
    tasks = json.loads((DATA / "tasks-train.json").read_text(encoding="utf-8"))
    return [action for task in tasks for action in task["actions"]]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    return [without_nulls(member) for member in value] if isinstance(value, list) else value


def test_every_action_is_one_that_the_contract_lets_through() -> None:
    assert actions()
    for action in actions():
        jsonschema_rs.validator_for(OPERATIONS[action["name"]].input).validate(action["arguments"])
        MODELS[action["name"]].input_type.model_validate(action["arguments"])


def test_every_result_is_said_by_the_contract_without_loss() -> None:
    for action in actions():
        if not action["ok"]:
            continue
        name = action["name"]
        result = {WRAPPED[name]: action["result"]} if name in WRAPPED else action["result"]
        answer = MODELS[name].output_type.model_validate(result)
        written = json.loads(answer.model_dump_json())
        assert without_nulls(written) == without_nulls(result)
        jsonschema_rs.validator_for(OPERATIONS[name].output).validate(written)


@pytest.mark.parametrize(
    ("table", "name"),
    [("users", "get_user_details"), ("orders", "get_order_details"), ("products", "get_product_details")],
)
def test_every_record_is_said_by_the_contract_without_loss(table: str, name: str) -> None:
    records = json.loads((DATA / "db.json").read_text(encoding="utf-8"))[table]

    assert records
    for record in records.values():
        answer = MODELS[name].output_type.model_validate(record)
        assert without_nulls(json.loads(answer.model_dump_json())) == record
