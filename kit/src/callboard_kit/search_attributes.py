"""What every workflow of the mesh can be found by in Temporal's visibility."""

from collections.abc import Sequence
from typing import Any, Final, cast

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from callboard_kit.tokens import Call

ROOT: Final = SearchAttributeKey.for_keyword("CallboardRoot")
CALLER: Final = SearchAttributeKey.for_keyword("CallboardCaller")
OPERATION: Final = SearchAttributeKey.for_keyword("CallboardOperation")
ENTITY: Final = SearchAttributeKey.for_keyword("CallboardEntity")
OUTCOME: Final = SearchAttributeKey.for_keyword("CallboardOutcome")
"""How the workflow ended, in the words of call records: set in its last task, absent while it runs."""


def with_search_attributes(existing: object, call: Call) -> TypedSearchAttributes:
    """Return `existing` attributes and those of a workflow that is started for `call`."""
    pairs: list[SearchAttributePair[Any]] = []  # Any: attributes have values of several types
    if isinstance(existing, TypedSearchAttributes):
        pairs.extend(cast("Sequence[SearchAttributePair[Any]]", existing.search_attributes))  # Any: see above
    pairs.append(SearchAttributePair(ROOT, call.root))
    if call.caller:
        pairs.append(SearchAttributePair(CALLER, call.caller))
    if call.address is not None:
        pairs.append(SearchAttributePair(OPERATION, f"{call.address.service}.{call.address.operation}"))
    if call.entity:
        pairs.append(SearchAttributePair(ENTITY, call.entity))
    return TypedSearchAttributes(pairs)
