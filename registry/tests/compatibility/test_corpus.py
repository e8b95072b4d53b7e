"""The collection of pairs whose verdict is known from other projects, if the folder is there."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from callboard_registry.compatibility.corpus import Judged, judge, load, main, table

CORPUS = Path(__file__).parents[4] / "shared/corpora/json-schema-compat.json"


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    if not CORPUS.is_file():
        pytest.skip(f"the collection is not here: {CORPUS}")
    return judge(load(CORPUS))


def test_nothing_is_called_compatible_that_a_document_contradicts(judged: list[Judged]) -> None:
    assert [each.case.name for each in judged if each.unsound] == []


def test_every_no_has_a_document(judged: list[Judged]) -> None:
    for each in judged:
        if each.verdict.answer == "incompatible":
            document = each.verdict.findings[0].counterexample
            assert _takes(each.case.old, document, each.case.old_draft)
            assert not _takes(each.case.new, document, each.case.new_draft)


def _takes(schema: Any, document: Any, draft: int | None) -> bool:
    return jsonschema_rs.is_valid(schema, document, draft=draft, validate_formats=True)


def test_what_the_oracle_supports_is_decided_as_the_source_says(judged: list[Judged]) -> None:
    supported = [each for each in judged if each.case.supported]
    otherwise = [each.case.name for each in supported if not each.agrees]

    assert len(otherwise) <= 0.05 * len(supported)
    assert table(judged).count("\n") == 4


def test_the_table_counts_what_is_unsound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"source": "here", "id": "1", "draft": "draft7", "old": {"type": "string"}, "new": True, "backward": False}
    wrong = {**row, "oracle": "incompatible,counterexample", "backward_counterexample": "a"}
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([wrong]))

    assert main([str(file), "--cases"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:8] == ["here", "1", "1", "0", "1", "0", "0.0", "%"]
    assert lines[3] == "here 1 (supported): compatible: proved"
