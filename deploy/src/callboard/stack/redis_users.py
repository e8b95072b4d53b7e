"""Who may do what in the stack's Redis: a user for every team, and one for the gateway.

A team appends to event streams, whose entries it can neither read nor take back, and uses its own history. It appends
to the feeds of its followers, which it cannot read either, and reads those in which others' events wait for it. It
uses its own memory, and writes down what it forgot. The gateway reads event streams. Whoever shows no secret may ask
whether the server is there.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

READER: Final = "gateway"
"""The user that reads streams."""

_HELLO: Final = "+ping +hello +auth +quit +client|setinfo +client|setname"
_TOGETHER: Final = "+multi +exec +discard +unwatch"
_HISTORY: Final = (
    "-@all +@string +@hash +@list +@set +@sortedset +del +unlink +exists +expire +pexpire +persist +ttl +pttl +type"
    " -@blocking -@dangerous"
)


_READS: Final = (
    "(-@all +xread +xrange +xrevrange +xlen +xinfo|stream %R~events:*)"
    # Streams that nobody adds to any more are taken away by whoever reads them.
    " (-@all +scan +unlink ~events:*)"
)


_FEEDS: Final = (
    # To publish: how far, and how much waits; never what stands there.
    "(-@all +xadd %W~feed:{team}:*) (-@all +xlen %R~feed:{team}:*) (-@all +get +set +watch ~feed-position:{team}:*)"
    # To follow: the own group of the own feed, and what could not be handled.
    " (-@all +xreadgroup +xautoclaim +xack +xdel +xadd +xlen +xrange +xpending +xinfo|groups +xinfo|consumers"
    " +xgroup|create +xgroup|delconsumer +watch ~feed:*:{team} ~dead:*:{team})"
    " (-@all +get +set +del +pexpire +watch ~turn:*:{team})"
)


_MEMORY: Final = (
    f"({_HISTORY} ~memory:{{team}}:*)"
    # What was forgotten is written down where it cannot be taken out again.
    " (-@all +xadd +xrange +xrevrange +xlen ~forgotten:{team})"
)


def write_users(home: Path, teams: Iterable[str]) -> Path:
    """Make a secret for every user that has none, and write the server's list of users; return where it is.

    Secrets are in `redis/<user>.secret` of the home, readable by its owner only; the list holds digests of them.
    """
    folder = home / "redis"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    lines = [f"user default on nopass resetchannels -@all {_HELLO}", _line(folder, READER, _READS)]
    for team in teams:
        lines.append(
            _line(
                folder,
                team,
                f"{_TOGETHER} (-@all +xadd %W~events:*) ({_HISTORY} ~history:{team}:*) {_FEEDS.format(team=team)}"
                f" {_MEMORY.format(team=team)}",
            )
        )
    path = folder / "users.acl"
    path.unlink(missing_ok=True)
    _write(path, "\n".join(lines) + "\n")
    return path


def _line(folder: Path, user: str, rights: str) -> str:
    path = folder / f"{user}.secret"
    if not path.exists():
        _write(path, secrets.token_urlsafe(32))
    digest = hashlib.sha256(path.read_bytes().strip()).hexdigest()
    return f"user {user} on #{digest} resetchannels -@all {_HELLO} {rights}"


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
