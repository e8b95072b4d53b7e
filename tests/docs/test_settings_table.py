"""The table of settings in docs/operate.md names what the code reads, and nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"""["'](CALLBOARD_[A-Z_]+|OPENAI_[A-Z_]+|OTEL_[A-Z_]+)["']""")
MARK = "CALLBOARD_STACK"  # no setting: the mark by which a stack knows its processes


def test_the_table_names_every_variable_that_the_code_reads_and_no_other():
    sources = [path for room in ("*", "registry/api", "teams/*") for path in ROOT.glob(f"{room}/src/**/*.py")]
    read = {name for path in sources for name in VARIABLE.findall(path.read_text(encoding="utf-8"))} - {MARK}
    rows = re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "operate.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert {name for name in rows if not name.startswith("TEMPORAL_")} == read
    assert len(rows) == len(set(rows))
