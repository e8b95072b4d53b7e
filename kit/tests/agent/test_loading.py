"""What a worker loads when it starts: the provider's library is larger than all the rest."""

import subprocess
import sys

import pytest

_PROGRAM = """
import sys
import {module}
print(" ".join(sorted(name for name in ("openai", "temporalio") if name in sys.modules)))
"""


def loaded_by(module):
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(module=module)], capture_output=True, text=True, check=True, timeout=60
    )
    return run.stdout.split()


@pytest.mark.parametrize(
    "module", ["callboard_kit.serving", "callboard_kit.agent", "callboard_kit.assistance", "callboard_kit.agent.loop"]
)
def test_the_providers_library_is_left_for_the_first_call_of_a_model(module):
    assert loaded_by(module) == ["temporalio"]


def test_the_kit_itself_loads_nothing_large():
    assert loaded_by("callboard_kit") == []
