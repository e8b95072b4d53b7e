"""The short form of `python -m tests.lab.rolling`."""

from collections.abc import AsyncIterator

import pytest

from tests.lab.rolling.trial import Rolling, change_builds, mesh_of_builds, ramp_a_bad_build

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(scope="module")
async def rolling() -> AsyncIterator[Rolling]:
    async with mesh_of_builds() as mesh:
        yield mesh


async def test_runs_stay_with_their_build_while_its_share_goes_up_down_and_up_again(rolling: Rolling):
    found = await change_builds(rolling, 20, say=lambda _: None)

    assert found.faults() == []
    assert (found.asked, found.approved) == (20, sum(each // 2 for each in (4, 6, 3, 3, 2, 2)))
    assert found.shares["rolled back"] == (0, 3)
    assert found.shares["100 again"] == (2, 2)


async def test_a_build_that_fails_three_of_ten_is_rolled_back_by_itself_before_its_50th_run(rolling: Rolling):
    found = await ramp_a_bad_build(rolling, percent=25, at_once=4, say=lambda _: None)

    assert found.ending == "rolled back"
    assert found.bad_runs <= 50
    assert found.faults() == []
