"""The step that docs/change-a-contract.md gives to a pipeline ends as it says, whatever the check answers."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

PAGE = (Path(__file__).parents[2] / "docs" / "change-a-contract.md").read_text(encoding="utf-8")
[WORKFLOW] = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("answers", "ends", "warns"), [(0, 0, False), (1, 1, False), (2, 2, False), (3, 0, True)], ids=str
)
def test_the_step_fails_on_what_breaks_and_warns_of_what_is_unknown(
    tmp_path: Path, answers: int, ends: int, warns: bool
):
    [step] = [each for each in yaml.safe_load(WORKFLOW)["jobs"]["check"]["steps"] if "check" in each.get("run", "")]
    command = tmp_path / ".venv" / "bin" / "callboard"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\necho "told: $*"\nexit {answers}\n')
    command.chmod(0o755)
    summary = tmp_path / "summary.md"

    done = subprocess.run(
        # As the pipeline's machines run a step.
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "SERVICE": "orders.v1", "GITHUB_STEP_SUMMARY": str(summary)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, "::warning::" in done.stdout) == (ends, warns)
    assert "told: contracts check orders.v1" in done.stdout
    assert summary.read_text() == "### orders.v1\n```\ntold: contracts check orders.v1\n```\n"
