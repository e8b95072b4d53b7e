"""The demo settles its cases on a mesh of its own, counts them, and leaves nothing behind."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from callboard import example
from callboard.demo.cases import NoCaseError, choose
from callboard.stack import leftovers, record


@pytest.mark.timeout(240)
async def test_the_demo_settles_every_case_and_stops_what_it_started(home: Path) -> None:
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from callboard.command import main; main()",
        "demo",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = await command.communicate()
    finally:
        if command.returncode is None:
            command.terminate()  # It stops what it started.
            await command.wait()
    said = out.decode()

    closing = re.fullmatch(r"demo: 4 cases settled, (\d+) calls across 6 namespaces, 0 failures", said.splitlines()[-1])
    assert closing is not None, said + err.decode()
    assert int(closing[1]) == said.count(" → ")
    assert command.returncode == 0
    found = record.load(home / "demo")
    assert found is not None
    assert leftovers.marked(found.id) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_made_up_shop_has_somebody_for_every_case(seed: int) -> None:
    shop = example.Records.model_validate(example.generate(seed, 200))

    cases = choose(shop)

    assert len({case.customer.user_id for case in cases}) == len(cases) == 4
    assert [case.judge(shop, shop) is None for case in cases] == [False, False, False, True]


def test_a_shop_that_is_too_small_is_said_to_be() -> None:
    with pytest.raises(NoCaseError, match="make a larger one"):
        choose(example.Records.model_validate(example.generate(1, 1)))
