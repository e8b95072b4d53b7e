"""Export and import again, and whether two schemas mean the same."""

from pathlib import Path
from typing import Any

import jsonschema_rs
from generating import documents

from callboard.interchange.importing import imported
from callboard.interchange.nexusrpc_file import contract_file
from callboard.interchange.text import as_json, as_yaml
from callboard_contracts import ServiceDescription
from callboard_registry.compatibility import Answer, Budget, compare


def come_back(description: ServiceDescription, folder: Path, *, form: str = "yaml") -> ServiceDescription:
    """Export a service, and return what the file says of it to whoever imports it."""
    file = contract_file(description)
    assert [str(finding) for finding in file.findings] == []
    path = folder / f"exported.{form}"
    path.write_text(as_yaml(file.document) if form == "yaml" else as_json(file.document), encoding="utf-8")
    [back] = imported(path)
    return back.description


def validator(schema: object, registry: jsonschema_rs.Registry | None = None) -> jsonschema_rs.Draft202012Validator:
    """Return what checks documents, formats included."""
    return jsonschema_rs.Draft202012Validator(schema, registry=registry, validate_formats=True)


def require_same_verdicts(
    first: jsonschema_rs.Draft202012Validator, second: Any, *, seed: int = 1, count: int = 300
) -> tuple[int, int]:
    """Do nothing if both say the same of many documents made from the second, a schema; return how many fit and not."""
    other = validator(second)
    said = [0, 0]
    for document in documents(second, seed=seed, count=count):
        verdict = first.is_valid(document)
        assert other.is_valid(document) is verdict, document
        said[not verdict] += 1
    return said[0], said[1]


def require_proof(old: object, new: object) -> None:
    """Do nothing if it is proved that exactly the same documents are valid under both schemas."""
    for direction in ("backward", "forward"):
        verdict = compare(old, new, direction, Budget(steps=200_000, seconds=20))
        assert verdict.answer is Answer.COMPATIBLE, (direction, verdict.findings)
