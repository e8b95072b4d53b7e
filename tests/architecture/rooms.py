"""The rooms of this checkout, read from the files that declare them."""

import subprocess
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Room:
    """One distribution of the workspace."""

    path: Path
    distribution: str
    package: str
    dependencies: tuple[str, ...]


@cache
def rooms() -> tuple[Room, ...]:
    """Return every room that the workspace's list of members names, sorted by path."""
    members: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    folders = sorted({folder for member in members for folder in ROOT.glob(member) if folder.is_dir()})
    return tuple(_room(folder) for folder in folders if (folder / "pyproject.toml").is_file())


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return every file that git holds, or would hold, and that is there; all files where git is not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    return tuple(path for name in listed if name and (path := ROOT / name).is_file())


def python_files() -> tuple[Path, ...]:
    """Return the tracked Python files that people write."""
    return tuple(
        path for path in tracked_files() if path.suffix == ".py" and not path.stem.endswith(("_pb2", "_pb2_grpc"))
    )


def _room(folder: Path) -> Room:
    content = tomllib.loads((folder / "pyproject.toml").read_text())
    [source] = content["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return Room(
        path=folder,
        distribution=content["project"]["name"],
        package=Path(source).name,
        dependencies=tuple(content["project"].get("dependencies", ())),
    )
