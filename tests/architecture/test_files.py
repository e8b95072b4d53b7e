"""What every file of the repository must keep to, whoever writes it."""

import re
from typing import Final

from rooms import ROOT, python_files, tracked_files

LONGEST: Final = 500
NAMES_THAT_SAY_NOTHING: Final = {"utils", "util", "helpers", "common", "shared", "base", "manager", "misc", "core"}
# Put together here, so that this file does not name one either.
REGISTRY_HOSTS: Final = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
    )
)


def test_no_file_names_the_host_of_a_package_registry() -> None:
    named = [
        (str(path.relative_to(ROOT)), host)
        for path in tracked_files()
        for host in REGISTRY_HOSTS
        if host.encode() in path.read_bytes()
    ]

    assert named == []


def test_requirements_are_pins_and_nothing_else() -> None:
    lines = (ROOT / "requirements" / "dev.txt").read_text().splitlines()
    pin = re.compile(r"^[A-Za-z0-9._\-\[\]]+==[A-Za-z0-9.+!]+( ; .+)?$")

    assert [line for line in lines if not line.startswith("#") and not pin.match(line)] == []


def test_no_lock_file_is_kept_that_records_addresses() -> None:
    assert [path for path in tracked_files() if path.name in {"uv.lock", "poetry.lock"}] == []


def test_no_python_file_is_longer_than_a_person_reads() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()}

    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_every_module_has_a_name_that_says_what_it_owns() -> None:
    empty = [
        str(path.relative_to(ROOT)) for path in python_files() if {path.stem, path.parent.name} & NAMES_THAT_SAY_NOTHING
    ]

    assert empty == []


def test_annotations_are_not_postponed() -> None:
    # pydantic, nexusrpc and Temporal read annotations at run time.
    line = "from __future__ import " + "annotations"

    assert [str(path.relative_to(ROOT)) for path in python_files() if line in path.read_text().splitlines()] == []


def test_every_suppression_gives_its_reason() -> None:
    suppression = re.compile(r"#\s*(?:type:\s*ignore|pyright:\s*ignore|noqa)(?P<rest>.*)$")
    reason = re.compile(r"^(?:\[[\w, -]+\]|:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*)?\s*(?:#|:|-|—)\s*\S.{7,}")
    bare: list[str] = []
    for path in python_files():
        lines = path.read_text().splitlines() if path.name != "test_files.py" else []
        for number, line in enumerate(lines):
            found = suppression.search(line)
            # Beside it, or as a comment next to it where the line is long enough already.
            beside = lines[max(0, number - 1) : number + 2]
            told = any(each.strip().startswith("# ") for each in beside)
            if found and not told and not reason.match(found["rest"]):
                bare.append(f"{path.relative_to(ROOT)}:{number + 1}")

    assert bare == []
