"""The side of dry runs inside a workflow: what it starts is told how often it was asked, and answered as before."""

import json
from collections import Counter
from collections.abc import Generator, Sequence
from datetime import timedelta
from typing import Any, cast

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.worker import StartNexusOperationInput

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit.identity import digest
from callboard_kit.tokens import Call
from callboard_kit.trials.dry import REPEAT, DryRunError, Note
from callboard_kit.trials.performing import Repeat, Repeated
from callboard_kit.trials.recorded import Payload

_ERRORS = {kind.__name__: kind for kind in (MeshError, RefusedError, UnavailableError, DryRunError)}


class Repeating:
    """What one dry run has asked for so far."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()

    def note(self, name: str, args: Sequence[object]) -> Payload:
        """Return what an activity that is started now is told."""
        payloads = workflow.payload_converter().to_payloads(args)
        return Note.here(self._nth(name, payloads)).payload()

    async def operation(
        self,
        call: Call,
        input: StartNexusOperationInput[Any, Any],  # Any: whatever an operation takes and returns
    ) -> "workflow.NexusOperationHandle[Any] | None":  # Any: as above
        """Return what the run that is copied was answered; None when it did not ask for this, or had no answer.

        Raises:
            MeshError: It was answered so.
        """
        if not call.copies:
            return None
        [payload] = workflow.payload_converter().to_payloads([input.input])
        repeated: Repeated = await workflow.execute_activity(
            REPEAT,
            Repeat(
                copied=call.copies,
                service=input.service,
                operation=input.operation_name,
                input=json.loads(payload.data) if payload.data else None,
                nth=self._nth(f"{input.service}.{input.operation_name}", [payload]),
            ),
            result_type=Repeated,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=5),
        )
        if not repeated.known:
            return None
        if repeated.error:
            raise _ERRORS.get(repeated.error, MeshError)(repeated.message)
        hints = [cast(type, input.output_type)] if input.output_type else None
        written = workflow.payload_converter().to_payloads([repeated.answer])
        [answer] = workflow.payload_converter().from_payloads(written, hints)
        return _Answered(answer)

    def _nth(self, name: str, payloads: Sequence[Payload]) -> int:
        asked = f"{name} {digest(b' '.join(each.data for each in payloads))}"
        self._asked[asked] += 1
        return self._asked[asked] - 1


class _Answered(workflow.NexusOperationHandle[Any]):  # Any: whatever an operation returns
    """An operation that was not called: its answer is known."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    @property
    def operation_token(self) -> str | None:
        return None

    def cancel(self) -> bool:
        return False

    def __await__(self) -> Generator[Any, Any, Any]:  # Any: as in the base class
        return self._answer
        yield  # Makes it a generator, as awaiting has it.
