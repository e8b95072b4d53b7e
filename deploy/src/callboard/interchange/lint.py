"""Names what of a contract cannot be said in a contract file, and how to change it so that it can."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from callboard.interchange import dialect
from callboard.interchange.files import Files
from callboard.interchange.finding import Finding
from callboard.interchange.importing import imported
from callboard.interchange.nexusrpc_file import contract_file
from callboard.interchange.text import DocumentError, read_document
from callboard_contracts import ServiceDescription


def lint(description: ServiceDescription) -> tuple[Finding, ...]:
    """Name what keeps a service from being exported. Places are those in the file that would be written."""
    return contract_file(description).findings


def lint_file(path: Path) -> tuple[Finding, ...]:
    """Name what is wrong with a contract file and the files it refers to, or with the service of a listing document.

    Raises:
        DocumentError: The file is neither, or cannot be read at all.
        OSError: The file cannot be read.
    """
    document = read_document(path)
    if is_listing(document):
        return lint(listed(document, source=str(path)))
    if "nexusrpc" not in document:
        raise DocumentError(f'{str(path)!r} is no contract file; one begins with nexusrpc: "1.0.0", in quotes')
    files = Files(path)
    found = [
        finding.within(name) if at != files.contract else finding
        for name, at in files.closure().items()
        for finding in dialect.problems(files.document(at), target=files.target(at))
    ]
    if not found:
        imported(path)  # what the format allows and a listing cannot hold
    return tuple(found)


def is_listing(document: Mapping[str, object]) -> bool:
    """Whether this is a document as the registry holds it, and no contract file."""
    return "operations" in document and "digest" in document


def listed(document: Mapping[str, object], *, source: str) -> ServiceDescription:
    """Return the service that a listing document describes.

    Raises:
        DocumentError: It describes none.
    """
    try:
        return ServiceDescription.model_validate(dict(document))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise DocumentError(f"{source!r} is no listing document: {place or 'the whole'}: {fault['msg']}") from error
