"""The supervisor of a stack: supervisord, told what to run by a generated file and what to do over a Unix socket."""

import hashlib
import http.client
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from callboard.failures import CommandError
from callboard.stack.parts import Part

_LONGEST_SOCKET_PATH: Final = 85
"""Systems allow 104 or 108 bytes; supervisord first binds a name that is a little longer."""

# Paths are relative to the home, in which the supervisor runs: it would take a `%` in them for a variable of its own.
_HEAD: Final = """\
; Written by `callboard up` each time it starts; changes are lost.
[supervisord]
nodaemon = true
silent = true
logfile = logs/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = supervisord.pid
childlogdir = logs
umask = 077

[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{socket}
"""

_PROGRAM: Final = """
[program:{name}]
command = {command}
autostart = false
autorestart = true
startsecs = 1
startretries = 1000
stopsignal = TERM
stopwaitsecs = 10
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = logs/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 1
"""


@dataclass(frozen=True, kw_only=True)
class ProcessState:
    """How the supervisor sees one process."""

    name: str
    state: str
    """Supervisord's word in lower case: stopped, starting, running, backoff, stopping, exited, fatal."""

    pid: int | None
    since: int
    """When the process started, in seconds since 1970; 0 if it never did."""


class SupervisorGoneError(Exception):
    """Nothing takes orders on the supervisor's socket."""


def socket_path(home: Path) -> Path:
    """Return where the supervisor of `home` takes orders: in the home if its path is short enough for a socket."""
    direct = home.absolute() / "supervisor.sock"
    if len(os.fsencode(direct)) <= _LONGEST_SOCKET_PATH:
        return direct
    name = hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"callboard-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise CommandError(f"{str(folder)!r} belongs to somebody else; use a home with a shorter path")
    return folder / "supervisor.sock"


def write_configuration(home: Path, parts: Sequence[Part]) -> Path:
    """Write the supervisor's file for `parts`, readable by its owner only, and return where it is."""
    path = home / "supervisord.conf"
    own = socket_path(home)
    # Its own name will do where it lies in the home.
    text = _HEAD.format(socket=own.name if own.parent == home.absolute() else own)
    for part in parts:
        text += _PROGRAM.format(name=part.name, command=shlex.join(part.argv).replace("%", "%%"))
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def spawn(home: Path, configuration: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the supervisor in a session of its own, so that Ctrl-C reaches only whoever watches it."""
    socket_path(home).unlink(missing_ok=True)
    with (home / "logs" / "supervisord.out").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=dict(environment),
            start_new_session=True,
        )


class Supervisor:
    """Gives orders to a running supervisor. Every method raises `SupervisorGoneError` when there is none."""

    def __init__(self, path: str) -> None:
        self._path = path

    def states(self) -> dict[str, ProcessState]:
        """Return the state of every process, by name."""
        answer = cast(list[dict[str, object]], self._ask("getAllProcessInfo"))
        found: dict[str, ProcessState] = {}
        for each in answer:
            name, pid = str(each["name"]), cast(int, each["pid"])
            state = str(each["statename"]).lower()
            since = cast(int, each["start"])
            found[name] = ProcessState(name=name, state=state, pid=pid or None, since=since)
        return found

    def start(self, name: str) -> None:
        """Have `name` started; its state tells what became of it."""
        self._ask("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Have `name` told to stop; one that does not run is left alone."""
        try:
            self._ask("stopProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise

    def shut_down(self) -> None:
        """Have the supervisor stop what still runs, and itself."""
        self._ask("shutdown")

    def _ask(self, method: str, *arguments: str | bool) -> object:
        transport = _UnixTransport(self._path)
        with closing(transport):
            proxy = xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport)
            try:
                return cast(object, getattr(proxy.supervisor, method)(*arguments))
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
                raise SupervisorGoneError(f"no supervisor answers on {self._path!r}") from error


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path)
        # Where the class it stands on keeps the connection that it closes in the end.
        self._connection = (host, connection)
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
