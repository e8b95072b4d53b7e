import importlib
import re
from pathlib import Path

import pytest

from callboard_contracts import describe

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_contract_in_the_readme_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    (tmp_path / "greeters_of_the_readme.py").write_text(found[1], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    described = describe(importlib.import_module("greeters_of_the_readme").Greeters)

    assert (described.service, described.endpoint, described.summary) == ("greeters.v1", "greeters", "Says hello.")
    assert described.operation("greet").summary == "Greet a guest by name."
