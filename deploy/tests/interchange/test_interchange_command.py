"""`callboard contracts export|import|lint`, on files, on installed contracts and on a registry that runs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from callboard.command import run_command
from callboard.command.interchange import Format, export_service, import_file
from callboard.interchange.text import read_document
from callboard.stack.enrolment import enrol_keys
from callboard.stack.lifecycle import Stack
from callboard_contracts import ServiceDescription, describe, services
from callboard_kit.settings import Settings
from callboard_registry_api.client import RegistryClient

SAMPLE = Path(__file__).parent / "sample"
BAKERY = str(SAMPLE / "bakery.nexusrpc.yaml")


def test_an_installed_contract_is_exported_without_a_mesh(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = {name: home / f"orders.{name}" for name in ("yaml", "json")}

    codes = [
        run_command(["contracts", "export", "orders.v1", "--format", "nexusrpc", "--output", str(path)])
        for path in paths.values()
    ]

    assert codes == [0, 0]
    assert read_document(paths["yaml"]) == read_document(paths["json"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("form", "first"), [("nexusrpc", "nexusrpc: "), ("openapi", "{"), ("a2a", "{")])
def test_a_contract_goes_to_stdout_unless_a_file_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], form: str, first: str
) -> None:
    assert run_command(["contracts", "export", "support.v1", "--format", form]) == 0

    out, err = capsys.readouterr()
    assert out.startswith(first)
    assert out.endswith("\n")
    assert err == ""


def test_what_was_exported_is_imported_and_linted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "billing.json"
    run_command(["contracts", "export", "billing.v1", "--format", "nexusrpc", "--output", str(file)])
    capsys.readouterr()

    assert run_command(["contracts", "import", str(file)]) == 0
    out, err = capsys.readouterr()
    assert run_command(["contracts", "lint", str(file)]) == 0

    described = ServiceDescription.model_validate_json(out)
    assert described.service == "billing.v1"
    assert described.digest == described.observable_digest()
    assert [each.promise for each in described.operations] == [
        each.promise for each in describe(services["billing.v1"]).operations
    ]
    assert err == ""
    assert "nothing to mend" in capsys.readouterr().err


def test_an_import_says_what_the_file_does_not(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["contracts", "import", BAKERY, "--team", "bakers"]) == 0

    out, err = capsys.readouterr()
    assert json.loads(out)["service"] == "bakers.v2"
    assert "'bakery.v2' is called 'bakers.v2' in the mesh: serve it under that name (fqn: bakers.v2)" in err
    assert "promises nothing of RingBell" in err


def test_every_service_of_a_file_is_printed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "two.yaml"
    operations = "{operations: {goOn: {fqn: go_on}}, fqn: "
    file.write_text(f'nexusrpc: "1.0.0"\nservices:\n  Aa: {operations}aa.v1}}\n  Bb: {operations}bb.v1}}\n')

    assert run_command(["contracts", "import", str(file)]) == 0

    assert [each["service"] for each in json.loads(capsys.readouterr().out)] == ["aa.v1", "bb.v1"]


def test_lint_names_what_to_mend_and_ends_with_one(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "chat.json"
    types = {"Step": {"type": "object", "properties": {"far": {"type": ["integer", "null"]}}}}
    operations = {"goOn": {"input": {"$ref": "#/$defs/Step"}}}
    contract = {"nexusrpc": "1.0.0", "services": {"Chat": {"operations": operations}}, "$defs": types}
    file.write_text(json.dumps(contract))

    assert run_command(["contracts", "lint", str(file)]) == 1
    out, err = capsys.readouterr()
    assert run_command(["contracts", "lint", str(file), "--json"]) == 1

    place = "/$defs/Step/properties/far/type"
    assert out.startswith(f"{place}\n  ['integer', 'null'] are several types\n  → write oneOf")
    assert err == f"{file}: one finding\n"
    assert [each["place"] for each in json.loads(capsys.readouterr().out)] == [place]


WRONG = {
    "no such format": (["export", "orders.v1", "--format", "wsdl"], 2, "'wsdl' is not one of"),
    "no format": (["export", "orders.v1"], 2, "Missing option '--format'"),
    "no such service": (["export", "weather.v1", "--format", "a2a"], 1, "there is no contract for 'weather.v1' here"),
    "no mesh to ask": (["export", "orders.v1", "--format", "a2a", "--from-registry"], 1, "start one with 'callboard"),
    "nowhere to write": (["export", "orders.v1", "--format", "a2a", "--output", "/nowhere/x"], 1, "cannot be written"),
    "an address for no card": (["export", "orders.v1", "--format", "openapi", "--url", "http://x"], 1, "--url says"),
    "no such file": (["import", "nowhere.yaml"], 1, "there is no file 'nowhere.yaml'"),
    "a folder": (["import", "/tmp"], 1, "'/tmp' cannot be read: Is a directory"),
    "no contract file": (["import", str(SAMPLE / "types" / "loaf.yaml")], 1, "is no contract file"),
    "nothing to lint": (["lint", "weather.v1"], 1, "there is no contract for 'weather.v1' here"),
    "no contract file to lint": (["lint", str(SAMPLE / "types" / "loaf.yaml")], 1, "is no contract file"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run_command(["contracts", *arguments]) == code

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("callboard: ")
    assert err.count("\n") == 1
    assert said in err


def test_a_service_that_has_no_equal_is_not_exported(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    described = describe(services["support.v1"])
    strange = described.operations[0].model_copy(update={"input": {"type": "object", "properties": {"a": {}, "b": {}}}})
    changed = described.model_copy(update={"operations": (strange,)})
    monkeypatch.setattr("callboard.command.interchange._described", lambda *_, **__: changed)
    file = home / "support.yaml"

    assert run_command(["contracts", "export", "support.v1", "--format", "nexusrpc", "--output", str(file)]) == 1

    err = capsys.readouterr().err
    assert "support.v1 has no equal in a contract file: /$defs/CalculateInput/properties/a: it says no type" in err
    assert "(and 1 more); see 'callboard contracts lint support.v1'" in err
    assert not file.exists()


@pytest.fixture
async def registry(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> RegistryClient:
    """The registry of a stack that runs, with a key of the bakers; the command finds both by its environment."""
    for name, value in servers.plan.environment.items():
        monkeypatch.setenv(name, value)
    address = servers.plan.environment["CALLBOARD_REGISTRY"]
    settings = Settings.from_environment()
    await enrol_keys(settings.home, {"bakers": ""}, registry=address, settings=settings)
    return RegistryClient(address)


async def test_a_contract_written_elsewhere_is_published_and_can_be_exported_again(
    registry: RegistryClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(import_file, Path(BAKERY), team="bakers", publish=True)
    out, err = capsys.readouterr()
    async with registry:
        held = await registry.get_listing("bakers.v2")
    file = tmp_path / "bakers.json"
    await asyncio.to_thread(export_service, "bakers.v2", form=Format.NEXUSRPC, output=file)

    assert out == ""
    assert "published bakers.v2" in err
    assert "signed by bakers" in err
    assert (held.team, held.operations) == ("bakers", ("order_bread", "WhatIsThere", "RingBell"))
    document: Any = read_document(file)
    assert document["services"]["BakersV2"]["fqn"] == "bakers.v2"


async def test_a_service_is_not_published_under_a_name_that_is_none(
    registry: RegistryClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "chat.yaml"
    file.write_text('nexusrpc: "1.0.0"\nservices: {Chat: {operations: {goOn: {}}}}\n')

    code = await asyncio.to_thread(run_command, ["contracts", "import", str(file), "--publish"])

    await registry.close()
    assert code == 1
    assert capsys.readouterr().err == (
        "callboard: 'Chat' is no name in the mesh; pass --team to call it '<team>.v<N>'\n"
    )


async def test_a_service_of_a_team_without_a_key_is_not_published(
    registry: RegistryClient, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await asyncio.to_thread(run_command, ["contracts", "import", BAKERY, "--publish"])

    await registry.close()
    assert code == 1
    assert "team 'bakery' has no key at" in capsys.readouterr().err
