"""Which build runs: one deployable state of a worker."""

import hashlib
import os
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from callboard_kit.fingerprint.taking import Named, fingerprint

VARIABLE: Final = "CALLBOARD_BUILD"

_LENGTH: Final = 12
_LEFT_OUT: Final = frozenset({"__pycache__"})


def build_of(package: str, agents: Sequence[Named] = ()) -> str:
    """Return the build's name: what `CALLBOARD_BUILD` says, else a digest of the room's files and of its agents.

    The digest is another one whenever code, prompts or `team.toml` are, and whenever an agent is, whose tools are made
    of other teams' contracts. What else the room imports does not count, nor where it runs, so a deployment that pins
    more than the room itself names its builds.

    Raises:
        FingerprintError: Something in an agent cannot be told apart from something else.
    """
    return os.environ.get(VARIABLE) or f"files-{_digest(files(package), agents)}"


def _digest(folder: Traversable, agents: Sequence[Named]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(_contents(folder, "")):
        digest.update(f"{path}\n{len(content)}\n".encode())
        digest.update(content)
    for name, taken in sorted((agent.name, fingerprint(agent).digest) for agent in agents):
        digest.update(f"{name}\n{taken}\n".encode())
    return digest.hexdigest()[:_LENGTH]


def _contents(folder: Traversable, before: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for each in folder.iterdir():
        path = f"{before}/{each.name}"
        if each.name in _LEFT_OUT or each.name.startswith("."):
            continue
        found.extend(_contents(each, path) if each.is_dir() else [(path, each.read_bytes())])
    return found
