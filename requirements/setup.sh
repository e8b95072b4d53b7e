#!/bin/sh
# Make the virtual environment in .venv: pinned requirements, and every room installed so that edits count at once.
# Called by make; runs from the root of the checkout. Asks for nothing and needs no system package.
set -eu

rooms="contracts registry/api kit registry orchestrator $(echo teams/*/) deploy"
venv=.venv

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
fits() { command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=${PYTHON:-}
if [ -n "$python" ]; then
    fits "$python" || fail "PYTHON is '$python', which is not Python 3.11 or newer; name another one"
else
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if fits "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || fail "no Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python3"
fi

# An environment whose interpreter is gone or too old is of no use; one that was interrupted half-way is completed.
if ! fits "$venv/bin/python"; then
    rm -rf "$venv"
    say "making $venv with $("$python" --version)"
    "$python" -m venv "$venv" || {
        rm -rf "$venv"
        fail "'$python -m venv' does not work; on Debian and Ubuntu its package is python3-venv"
    }
fi

# What was installed last is kept beside it: a room more or less is then a matter of seconds.
if ! cmp -s requirements/dev.txt "$venv/.pins"; then
    say "installing the pinned requirements (the first time takes a minute or two)"
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps --requirement requirements/dev.txt ||
        fail "the pinned requirements could not be installed; the lines above say why, and make tries again"
    cp requirements/dev.txt "$venv/.pins"
fi

# A room whose folder is gone (another branch was checked out, say) would still be announced, and missed.
gone=$("$venv/bin/python" - <<'PYTHON'
import json
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

rooms = Path("teams").resolve()
for distribution in distributions():
    source = json.loads(distribution.read_text("direct_url.json") or "{}").get("url", "")
    folder = Path(unquote(urlsplit(source).path))
    if folder.parent == rooms and not (folder / "pyproject.toml").is_file():
        print(distribution.metadata["Name"])
PYTHON
)
for distribution in $gone; do
    say "removing $distribution, whose room is gone"
    "$venv/bin/python" -m pip uninstall --disable-pip-version-check --quiet --yes "$distribution"
done

say "installing the rooms"
set --
for room in $rooms; do set -- "$@" --editable "${room%/}"; done
# Everything a build needs is pinned above, so nothing is fetched for it.
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation "$@"
say "ready"
