"""What the pages tell a reader to type exists."""

import re
from collections.abc import Iterator

import pytest
import typer
from rooms import ROOT, tracked_files

from callboard.command import app

PAGES = sorted(path for path in tracked_files() if path.suffix == ".md")
MAKE = re.compile(r"\bmake ([a-z]+)\b")
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?callboard ([a-z]+)(?: ([a-z]+))?", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands() -> set[str]:
    root = typer.main.get_command(app)
    found: set[str] = set()
    for name, command in getattr(root, "commands", {}).items():
        found.add(name)
        found |= {f"{name} {inner}" for inner in getattr(command, "commands", {})}
    return found


def code(text: str) -> Iterator[str]:
    """Yield what stands between backticks, in blocks and in lines."""
    blocks = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
    yield from blocks.findall(text)
    yield from re.findall(r"`([^`\n]+)`", blocks.sub("", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_targets_and_commands_that_exist(page) -> None:
    known = commands()
    groups = {name.split()[0] for name in known if " " in name}
    snippets = list(code(page.read_text()))
    asked = {
        f"{first} {second}" if first in groups and second else first
        for snippet in snippets
        for first, second in COMMAND.findall(snippet)
    }

    assert {name for snippet in snippets for name in MAKE.findall(snippet)} - targets() == set()
    assert asked - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_only_to_files_that_exist(page) -> None:
    dead = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert dead == []
