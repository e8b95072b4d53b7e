"""The short form of `python -m tests.lab.kill`, and proof that it finds what is there to be found.

Numbers 1, 2 and 6 wait for Temporal to notice that a worker is gone; `tests/e2e/test_streaming.py`,
`tests/e2e/test_approvals.py` and `tests/lab/test_conversation.py` kill those workers.
"""

import pytest

from tests.lab.kill.scene import Findings
from tests.lab.kill.scenes import NUMBERS, play
from tests.playing.following import Heard
from tests.playing.stage import Stage

# The first test of a run also starts the mesh, and Temporal that was killed is missed for a while.
pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("number", [3, 4, 5])
async def test_nothing_is_repeated_done_twice_or_lost(stage: Stage, number: int):
    found = await play(stage, number, short=True)

    assert found.passed, "\n".join(found.lines())
    assert (len(found.killed), found.effects, found.results) == (1, 2, 1)


def delta(name: str, attempt: int = 1) -> dict[str, object]:
    return {"id": name, "kind": "text.delta", "data": {"step": "run/1", "attempt": attempt, "text": "a"}}


def test_an_event_that_is_missing_or_came_twice_is_found():
    heard = Heard(events=[delta("run/1/1:1"), delta("run/1/1:3"), delta("run/1/1:3")])

    assert heard.missing() == ["run/1/1:2"]
    assert heard.doubled() == ["run/1/1:3"]


def test_an_attempt_that_takes_back_the_one_before_it_misses_nothing():
    retracted = {"id": "run/1:retracted:1", "kind": "step.retracted", "data": {"step": "run/1", "attempt": 1}}
    heard = Heard(events=[delta("run/1/1:1"), retracted, delta("run/1/2:2", 2)])

    assert heard.missing() == []
    assert heard.text() == "a"
    assert Heard(events=[delta("run/1/2:2", 2)]).missing() == ["run/1/2:1"]


@pytest.mark.parametrize("wrong", ["repeated", "twice", "lost"])
def test_a_number_fails_when_anything_is_wrong_and_says_so(wrong: str):
    found = Findings(number=3, title=NUMBERS[3][0], **{wrong: ["a thing"]})

    assert Findings(number=3, title="").passed
    assert not found.passed
    assert found.lines()[-1] == "   WRONG   a thing"
