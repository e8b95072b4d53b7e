"""Memory as a source of a context."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

from callboard_kit.context.pieces import Looking, Piece
from callboard_kit.memory.activities import RECALL, Recalled, Recalling
from callboard_kit.memory.kept import Kind, Whose, scope_of
from callboard_kit.memory.tools import told

_SOON: Final = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=2)


@dataclass(frozen=True, kw_only=True)
class FromMemory:
    """What is remembered, of it what has most to do with the goal."""

    name: str = "memory"
    whose: Sequence[Whose] = ("person",)
    kinds: Sequence[Kind] = ()
    """Of these kinds. Empty: of all."""

    deadline: timedelta = timedelta(seconds=3)
    weight: float = 1.0
    at_most: int = 10
    is_call: bool = field(default=False, init=False)

    def applies(self, looking: Looking) -> bool:
        """Tell whether there is any memory to look into: of nobody in particular nothing is remembered."""
        return any(each != "person" or looking.person is not None for each in self.whose)

    async def fetch(self, looking: Looking) -> Sequence[Piece]:
        """Recall what fits the goal best."""
        whose: list[Whose] = [each for each in self.whose if each != "person" or looking.person is not None]
        recalled = await workflow.execute_activity(
            RECALL,
            Recalling(
                owners=tuple(scope_of(each, agent=looking.agent) for each in whose),
                query=looking.goal[:2_000],
                kinds=tuple(self.kinds),
                last=self.at_most,
            ),
            result_type=Recalled,
            schedule_to_close_timeout=self.deadline,
            retry_policy=_SOON,
        )
        return [
            Piece.model_validate({"id": each.id, "content": told(each), "at": each.at, "until": each.until})
            for each in recalled.memories
        ]
