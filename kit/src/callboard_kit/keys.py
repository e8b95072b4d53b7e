"""Idempotency keys: the same key and the same request get the first result, whoever of the caller's asks again.

The key stands in the call's token, so it is the caller team's own: one team's key never meets another's. The workflow
behind the call gets its id from it, and keeps in its memo what was asked. For as long as Temporal keeps the workflow,
its result is the answer; after that the team's store is (`mesh.effect_key`).
"""

import base64
import json
from typing import Any, Final, cast

import temporalio.api.common.v1
from pydantic import BaseModel
from temporalio import nexus
from temporalio.client import WorkflowFailureError
from temporalio.common import RawValue

from callboard_contracts import RefusedError
from callboard_kit.failing import from_failure
from callboard_kit.identity import digest
from callboard_kit.tokens import Call

ASKED: Final = "callboard_asked"
"""The field of a workflow's memo that holds the digest of what was asked."""


def asked_digest(input: object) -> str:
    """Return the same text for the same request, whether what is absent was left out or written out."""
    document = (
        input.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        if isinstance(input, BaseModel)
        else input
    )
    return digest(json.dumps(document, sort_keys=True, separators=(",", ":"), default=str).encode())


def work_of(operation_token: str) -> str | None:
    """Return the id of the workflow that an operation's token names; empty when it names none, None when it is none."""
    try:
        padding = "=" * (-len(operation_token) % 4)
        content: object = json.loads(base64.urlsafe_b64decode(operation_token + padding))
    except ValueError:
        return None
    work = cast("dict[str, object]", content).get("wid") if isinstance(content, dict) else None
    return work if isinstance(work, str) else ""


async def require_same(call: Call, workflow_id: str) -> None:
    """Refuse a call whose key was given to other work before.

    Raises:
        RefusedError: The key was used to ask for something else.
    """
    description = await nexus.client().get_workflow_handle(workflow_id).describe()
    asked: object = await description.memo_value(ASKED, default=call.asked)
    if asked != call.asked:
        raise RefusedError(
            f"idempotency key {call.key.split(' ', 2)[2]!r} was used before to ask for something else: "
            "give every request a key of its own"
        )


async def first_result(call: Call, workflow_id: str) -> temporalio.api.common.v1.Payload:
    """Return what the work came to that was done under the call's key before.

    Raises:
        RefusedError: The key was used to ask for something else.
        MeshError: What the work ended with.
    """
    await require_same(call, workflow_id)
    handle: Any = nexus.client().get_workflow_handle(workflow_id, result_type=RawValue)  # Any: of no known workflow
    try:
        result: RawValue = await handle.result()
    except WorkflowFailureError as error:
        raise from_failure(error, what=call.key) or error from error
    return result.payload
