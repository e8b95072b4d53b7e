"""The contracts work inside Temporal's workflow sandbox, passed through or loaded again for every workflow."""

import asyncio
import importlib
from pathlib import Path

import pytest

workflow = pytest.importorskip("temporalio.workflow", reason="temporalio is not installed; contracts do not need it")
sandbox = pytest.importorskip("temporalio.worker.workflow_sandbox")

WORKFLOW = """
from datetime import timedelta

from temporalio import workflow

from callboard_contracts import RefusedError, describe, promise_of, services
from callboard_contracts.orders import v1 as orders

order = orders.Order(order_id="#W1", user_id="ada", items=(), status="pending")
assert orders.Order.model_validate_json(order.model_dump_json()) == order
assert promise_of(orders.Orders.cancel_pending_order).longest == timedelta(minutes=5)
{more}


@workflow.defn
class Ask:
    @workflow.run
    async def run(self, given: orders.Cancellation) -> orders.Order:
        raise RefusedError(given.order_id)
"""


@pytest.mark.parametrize(
    ("passed_through", "more"),
    [
        # Describing reads the source for its words, which is nothing a workflow does.
        ((), ""),
        (("callboard_contracts",), 'assert describe(services["orders.v1"]).digest.startswith("sha256:")'),
    ],
    ids=["loaded again", "passed through"],
)
def test_a_workflow_may_import_a_contract(
    passed_through: tuple[str, ...], more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"asks_{len(passed_through)}"
    (tmp_path / f"{name}.py").write_text(WORKFLOW.format(more=more), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    defined = workflow._Definition.must_from_class(importlib.import_module(name).Ask)
    restrictions = sandbox.SandboxRestrictions.default.with_passthrough_modules(*passed_through)

    # What a worker does with every workflow before it starts: import it in the sandbox and make one.
    async def prepare() -> None:
        sandbox.SandboxedWorkflowRunner(restrictions).prepare_workflow(defined)

    asyncio.run(prepare())
