"""What the benchmark of live words counts as lost."""

from collections import Counter

import pytest

from bench.streaming import ALWAYS_TOLD, Heard

ALL = Counter(ALWAYS_TOLD)


@pytest.mark.parametrize(
    ("words", "told", "lost"),
    [
        (3, ALL, 0),
        (2, ALL, 1),
        (3, ALL - Counter(["run.ended"]), 1),
        (0, Counter(), 3 + len(ALWAYS_TOLD)),
        (3, ALL + Counter(["step.started", "gap"]), 0),
    ],
    ids=["nothing", "a word", "the end", "everything", "told twice is not lost"],
)
def test_an_event_that_did_not_come_is_lost_whatever_came_besides(words: int, told: Counter[str], lost: int) -> None:
    heard = Heard({str(word): 0.001 for word in range(words)}, told)

    assert heard.lost(beats=3) == lost
