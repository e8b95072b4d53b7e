"""The contracts stand on three packages, and load fast because they load nothing else."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import callboard_contracts

ROOM = Path(__file__).parents[1]
SOURCES = sorted(Path(callboard_contracts.__file__).parent.rglob("*.py"))
DECLARED = {"nexus-rpc": "nexusrpc", "pydantic": "pydantic", "rfc8785": "rfc8785"}
EVERYTHING = "import callboard_contracts as c; [c.describe(service) for service in c.services.values()]"


def test_only_three_packages_are_needed() -> None:
    project = tomllib.loads((ROOM / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    imported = {
        name.partition(".")[0]
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        for name in _names(node)
    }

    assert {dependency.partition(">")[0] for dependency in project["dependencies"]} == set(DECLARED)
    assert imported - sys.stdlib_module_names == {*DECLARED.values(), "callboard_contracts"}


def test_nothing_heavy_and_no_other_room_is_loaded() -> None:
    loaded = set(_run(f"{EVERYTHING}; import sys; print(*sys.modules)").split())
    roots = {name.partition(".")[0] for name in loaded}

    assert not roots & {"temporalio", "jsonschema", "jsonschema_rs", "grpc", "google", "sqlalchemy", "openai", "redis"}
    assert {root for root in roots if root.startswith("callboard")} == {"callboard_contracts"}


def test_the_teams_contracts_are_loaded_only_when_they_are_asked_for() -> None:
    loaded = _run("import sys, callboard_contracts; print(*sys.modules)").split()

    assert not [name for name in loaded if name.endswith(".v1")]


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [node.module or ""]
    return []
