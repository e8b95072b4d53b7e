"""The sample contracts of the format's own generator come back as they were; skipped where the folder is not there."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from coming_back import come_back, require_proof, require_same_verdicts, validator

from callboard.interchange.importing import imported
from callboard.interchange.lint import lint_file
from callboard_contracts import ServiceDescription

NEXGEN = Path(
    os.environ.get("CALLBOARD_CORPORA", Path(__file__).parents[4] / "shared" / "corpora"), "nexgen"
)  # fmt: skip
SCHEMAS, WIRE = NEXGEN / "schemas", NEXGEN / "wire" / "json_schema"

pytestmark = pytest.mark.skipif(not SCHEMAS.is_dir(), reason=f"no sample contracts at {NEXGEN}")

CONTRACTS = {
    "chat.nexusrpc.yaml": ("example.chat.v1.ChatService", ["SendMessage", "GetRoom", "Ping"]),
    "kb/kb.nexusrpc.yaml": ("example.kb.v1.KnowledgeBaseService", ["GetPage", "PutBlock", "GetCategoryTree"]),
    "showcase.nexusrpc.yaml": ("example.showcase.v1.ShowcaseService", ["GetShowcase"]),
}

TYPES = {
    **{f"chat/{name}": f"chat.nexusrpc.yaml#/$defs/{name}" for name in ("Message", "Room", "Labels")},
    **{f"chat/SendMessage{side}": f"chat.nexusrpc.yaml#/$defs/SendMessage{side}" for side in ("Input", "Output")},
    **{
        f"showcase/{name}": f"showcase.nexusrpc.yaml#/$defs/{name}"
        for name in ("Showcase", "Address", "Settings", "Labels", "Attributes", "Contact", "Extras", "Widget")
    },
    "kb/Page": "kb/content/page.json",
    "kb/Block": "kb/content/block.json",
    "kb/CategoryTree": "kb/tree/category.json",
    "kb/Palette": "kb/tree/category.json#/$defs/Palette",
    "temporal/Temporal": "temporal.yaml",
}
"""Each type that is known by a sample document or that no operation reaches, and where it stands."""

INLINE = {
    "kb/GetPageInput": ("kb/kb.nexusrpc.yaml", "GetPage", "input"),
    "kb/GetCategoryTreeInput": ("kb/kb.nexusrpc.yaml", "GetCategoryTree", "input"),
    "kb/PutBlockOutput": ("kb/kb.nexusrpc.yaml", "PutBlock", "output"),
}


def samples() -> dict[str, list[Path]]:
    """The wire samples by the type that they are of: `showcase-union-int.json` is one of `showcase/Showcase`."""
    known = sorted((*TYPES, *INLINE), key=len, reverse=True)
    found: dict[str, list[Path]] = {}
    for path in sorted(WIRE.rglob("*.json")):
        words = "".join(word.capitalize() for word in path.stem.split("-"))
        [name] = [each for each in known if f"{path.parent.name}/{words}".startswith(each)][:1]
        found.setdefault(name, []).append(path)
    return found


def fits(schema: object, document: object) -> bool:
    # The samples have times without an offset, which the format knows and RFC 3339 does not.
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=False).is_valid(document)


def file_name(key: str) -> str:
    return re.sub(r"\W", "", key.title())


@pytest.fixture(scope="module")
def original() -> jsonschema_rs.Registry:
    """The files as they are, read by another reader than ours."""
    files = [path for path in SCHEMAS.rglob("*") if path.suffix in (".yaml", ".json")]
    return jsonschema_rs.Registry(
        [(f"sample:///{path.relative_to(SCHEMAS)}", yaml.safe_load(path.read_text())) for path in files]
    )


@pytest.fixture(scope="module")
def every_type(tmp_path_factory: pytest.TempPathFactory) -> tuple[ServiceDescription, ServiceDescription]:
    """A contract with an operation for each type, as it was imported and as it came back."""
    folder = tmp_path_factory.mktemp("samples")
    shutil.copytree(SCHEMAS, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
    operations = {f"carry{file_name(key)}": {"fqn": key, "input": {"$ref": ref}} for key, ref in TYPES.items()}
    document = {"nexusrpc": "1.0.0", "services": {"Carriers": {"fqn": "carriers.v1", "operations": operations}}}
    (folder / "all.json").write_text(json.dumps(document))
    [first] = imported(folder / "all.json")
    return first.description, come_back(first.description, folder)


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("name", CONTRACTS)
def test_a_sample_contract_comes_back_with_the_same_digest(name: str, form: str, tmp_path: Path) -> None:
    wire_name, operations = CONTRACTS[name]
    [read] = imported(SCHEMAS / name)

    back = come_back(read.description, tmp_path, form=form)

    assert (back.service, [each.name for each in back.operations]) == (wire_name, operations)
    assert back.digest == read.description.digest
    assert back == read.description.model_copy(update={"operations": back.operations})
    for ours, theirs in zip(back.operations, read.description.operations, strict=True):
        words = ("name", "summary", "description", "promise")
        assert [getattr(ours, word) for word in words] == [getattr(theirs, word) for word in words]


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_sample_contract_has_no_finding(name: str) -> None:
    assert lint_file(SCHEMAS / name) == ()


def test_every_wire_sample_is_of_a_known_type() -> None:
    assert sum(len(paths) for paths in samples().values()) == len(list(WIRE.rglob("*.json"))) > 40


@pytest.mark.parametrize("key", [key for key in TYPES])
def test_a_type_means_the_same_when_it_comes_back(
    key: str, original: jsonschema_rs.Registry, every_type: tuple[ServiceDescription, ServiceDescription]
) -> None:
    read, back = (description.operation(key) for description in every_type)
    theirs = validator({"$ref": f"sample:///{TYPES[key]}"}, original)

    for path in samples().get(key, []):
        assert fits(back.input, json.loads(path.read_text())), path.name
    fit, misfit = require_same_verdicts(theirs, back.input)
    assert min(fit, misfit) > 5
    assert [read.name, read.summary] == [back.name, back.summary]


@pytest.mark.parametrize("key", INLINE)
def test_a_type_that_stands_in_an_operation_means_the_same(
    key: str, original: jsonschema_rs.Registry, tmp_path: Path
) -> None:
    file, operation, side = INLINE[key]
    [read] = imported(SCHEMAS / file)
    [service] = yaml.safe_load((SCHEMAS / file).read_text())["services"]
    back: dict[str, Any] = getattr(come_back(read.description, tmp_path).operation(operation), side)
    place = f"services/{service}/operations/{operation[0].lower()}{operation[1:]}/{side}"
    theirs = validator({"$ref": f"sample:///{file}#/{place}"}, original)

    for path in samples()[key]:
        assert fits(back, json.loads(path.read_text())), path.name
    fit, misfit = require_same_verdicts(theirs, back)
    assert min(fit, misfit) > 5


def test_it_is_proved_that_every_type_means_the_same(
    every_type: tuple[ServiceDescription, ServiceDescription],
) -> None:
    read, back = every_type
    for first, second in zip(read.operations, back.operations, strict=True):
        if first.name != "showcase/Showcase":  # how many items a list must contain is not decided, only tried out
            require_proof(first.input, second.input)
