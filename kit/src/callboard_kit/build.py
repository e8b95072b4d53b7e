"""Which build runs: one deployable state of a worker."""

import hashlib
import os
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

VARIABLE: Final = "CALLBOARD_BUILD"

_LENGTH: Final = 12
_LEFT_OUT: Final = frozenset({"__pycache__"})


def build_of(package: str) -> str:
    """Return the build's name: what `CALLBOARD_BUILD` says, else a digest of the room's files.

    The digest is another one whenever code, prompts or `team.toml` are; what the room imports does not count, so a
    deployment that pins more than the room itself names its builds.
    """
    return os.environ.get(VARIABLE) or f"files-{_digest(files(package))}"


def _digest(folder: Traversable) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(_contents(folder, "")):
        digest.update(f"{path}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:_LENGTH]


def _contents(folder: Traversable, before: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for each in folder.iterdir():
        path = f"{before}/{each.name}"
        if each.name in _LEFT_OUT or each.name.startswith("."):
            continue
        found.extend(_contents(each, path) if each.is_dir() else [(path, each.read_bytes())])
    return found
