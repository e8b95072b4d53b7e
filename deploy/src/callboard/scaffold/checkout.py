"""The checkout that this command was installed from, and its lists on which every room of a team stands."""

import tomllib
from pathlib import Path
from typing import Final

import callboard
from callboard.failures import CommandError

IMPORTS: Final = ".importlinter"
COMMAND: Final = "deploy/pyproject.toml"


def checkout() -> Path:
    """Return the root of the checkout that the command runs from.

    Raises:
        CommandError: It was installed from wheels; there is no checkout.
    """
    root = Path(callboard.__file__).resolve().parents[3]
    if all((root / part).exists() for part in (IMPORTS, COMMAND, "teams", "contracts/src/callboard_contracts")):
        return root
    raise CommandError(
        "this command was installed without its repository, where contracts and rooms live; clone the repository, run"
        " 'make setup' and call it from there, or write the room yourself: see 'A repository of your own' in"
        " docs/add-a-team.md"
    )


def listed(root: Path, team: str) -> dict[Path, str]:
    """Return what the files that list the rooms will say once `team` is on them; nothing is written.

    Raises:
        CommandError: A list is not where it used to be.
    """
    imports, command = root / IMPORTS, root / COMMAND
    return {imports: _with_imports(imports, team), command: _with_dependency(command, team)}


def _with_imports(path: Path, team: str) -> str:
    package = f"callboard_team_{team}"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = _after_last(lines, opening="root_packages =", holding="callboard_", line=f"    {package}", path=path)
    row = next((at for at, line in enumerate(lines) if "|" in line and "callboard_team_" in line), None)
    if row is None:
        raise _changed(path)
    lines[row] += f" | {package}"
    return "\n".join(lines) + "\n"


def _with_dependency(path: Path, team: str) -> str:
    distribution = f"callboard-team-{team}"
    lines = path.read_text(encoding="utf-8").splitlines()
    # Depended on to be installed with the command, run as a process of its own, never imported by it.
    for opening, holding in (("dependencies = [", '"callboard-'), ("DEP002 = [", '"')):
        lines = _after_last(lines, opening=opening, holding=holding, line=f'    "{distribution}",', path=path)
    source = f"{distribution} = {{ workspace = true }}"
    lines = _after_last(lines, opening="[tool.uv.sources]", holding="callboard-", line=source, path=path)
    text = "\n".join(lines) + "\n"
    if distribution not in tomllib.loads(text)["project"]["dependencies"]:
        raise _changed(path)
    return text


def _after_last(lines: list[str], *, opening: str, holding: str, line: str, path: Path) -> list[str]:
    """Put `line` after the last of those that follow `opening` and begin like the rooms do."""
    if opening not in lines:
        raise _changed(path)
    last = None
    for number in range(lines.index(opening) + 1, len(lines)):
        entry = lines[number].strip()
        if entry in ("", "]"):
            break
        if entry.startswith(holding):
            last = number
    if last is None:
        raise _changed(path)
    return [*lines[: last + 1], line, *lines[last + 1 :]]


def _changed(path: Path) -> CommandError:
    return CommandError(f"the list of rooms in {str(path)!r} is not where it used to be; restore the file first")
