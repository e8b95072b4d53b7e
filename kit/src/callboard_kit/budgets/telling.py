"""How a run tells its caller what it spent: beside its answer or its failure, where no contract has to have a place.

The answer of an agent says it too, as `usage`; what is told here also covers operations that are no agents, calls,
and work that failed. It travels as metadata of the payload, or as a detail of the failure, and only when there is
something to tell.
"""

import json
from collections.abc import Mapping
from typing import Final, cast

from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError

from callboard_contracts import Usage
from callboard_kit.budgets.sharing import NOTHING, Amount

METADATA: Final = "callboard-spent"
"""The key of the metadata, and the name of the detail."""

_MOST: Final = 10**15


def tell_in_answer(payload: Payload, spent: Amount) -> None:
    """Write beside an answer what it took."""
    if spent != NOTHING:
        payload.metadata[METADATA] = json.dumps(_written(spent), separators=(",", ":")).encode()


def tell_in_failure(failure: ApplicationError, spent: Amount) -> ApplicationError:
    """Return `failure` with what was spent before it."""
    if spent == NOTHING:
        return failure
    return ApplicationError(
        failure.message, {METADATA: _written(spent)}, type=failure.type, non_retryable=failure.non_retryable
    )


def read_from_answer(payload: Payload) -> Amount | None:
    """Return what an answer took: as told beside it, or as the usage in it; None when it says neither."""
    told = payload.metadata.get(METADATA)
    try:
        if told is not None:
            return _read(json.loads(told))
        document: object = json.loads(payload.data)
        usage = cast("Mapping[str, object]", document).get("usage") if isinstance(document, dict) else None
        return None if usage is None else Amount.of(Usage.model_validate(usage))
    except ValueError:
        return None


def read_from_failure(error: BaseException) -> Amount | None:
    """Return what was spent before a failure; None when it does not say."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, ApplicationError):
            for detail in cast("tuple[object, ...]", tuple(link.details)):
                if isinstance(detail, dict) and METADATA in detail:
                    return _read(cast("dict[str, object]", detail)[METADATA])
        link = link.__cause__
    return None


def _written(spent: Amount) -> list[int]:
    return [spent.tokens, spent.nanos, spent.calls]


def _read(told: object) -> Amount | None:
    if not isinstance(told, list) or len(cast("list[object]", told)) < 3:
        return None
    numbers = [each for each in cast("list[object]", told)[:3] if type(each) is int and 0 <= each <= _MOST]
    return Amount(*numbers) if len(numbers) == 3 else None
