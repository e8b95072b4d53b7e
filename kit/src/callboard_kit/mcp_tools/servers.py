"""Which MCP servers an agent uses, how they are reached, and which of their tools it may call.

Only names are held here: a secret is the name of an environment variable of the worker, whose value is read where the
connection is made and is nowhere written down.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

from callboard_contracts import Effect

PREFIX: Final = "mcp-"
"""What the service of every MCP tool begins with. No service of a team has a `-` in its name, so none is mixed up."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,29}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class McpConfigurationError(ValueError):
    """An MCP server that cannot be used as it is written; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class Stdio:
    """A server that the worker starts as a process, and talks to by its standard input and output."""

    command: str
    """The program."""

    arguments: tuple[str, ...] = ()
    """Its arguments. Not for secrets: everybody on the machine can read them."""

    environment: tuple[str, ...] = ()
    """Names of the worker's environment variables that the process gets, beside `PATH`, `HOME` and the like."""

    folder: str | None = None
    """Where it works. Absent: where the worker does."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The worker's environment variables that are needed."""
        return self.environment

    def fault(self) -> str | None:
        """Say what is wrong with it; None when nothing is."""
        if not self.command.strip():
            return "has no command; name the program to start"
        return _variable_fault(self.variables)


@dataclass(frozen=True, kw_only=True)
class Http:
    """A server that is reached by streamable HTTP."""

    url: str = ""
    """Its address, without secrets."""

    url_from: str = ""
    """The worker's environment variable that holds its address, in place of `url`."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers to send: name of the header to name of the worker's environment variable that holds its whole value."""

    bearer: str = ""
    """The worker's environment variable that holds a bearer token. Empty: none is sent."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The worker's environment variables that are needed."""
        return tuple(filter(None, (self.url_from, *self.headers.values(), self.bearer)))

    def fault(self) -> str | None:
        """Say what is wrong with it; None when nothing is."""
        if bool(self.url) == bool(self.url_from):
            return "needs an address: give either `url` or `url_from`, the name of a variable that holds it"
        if self.url and (fault := address_fault(self.url)):
            return fault
        if wrong := next((name for name in self.headers if not _HEADER.fullmatch(name)), None):
            return f"has a header {wrong!r}, which is no header's name"
        if self.bearer and any(name.lower() == "authorization" for name in self.headers):
            return "has `bearer` and a header 'authorization'; keep one of them"
        return _variable_fault(self.variables)


@dataclass(frozen=True, kw_only=True)
class McpServer:
    """One MCP server, and what an agent may use of it.

        FILES = McpServer(
            name="files",
            reached=Stdio(command="files-server", environment=("FILES_TOKEN",)),
            allow=("read_*", "list_*", "write_note"),
            reads=("read_*", "list_*"),
        )

    Raises:
        McpConfigurationError: Something in it cannot work.
    """

    name: str
    """What it is called: lower-case letters, digits and `-`, 30 at most. Its tools are `mcp-<name>__<tool>`."""

    reached: Stdio | Http
    """How it is reached."""

    allow: tuple[str, ...]
    """Patterns of the tools that may be called; `("*",)` for all it has by the time a run starts."""

    block: tuple[str, ...] = ()
    """Patterns of tools that may not be called, whatever `allow` says."""

    reads: tuple[str, ...] = ()
    """Patterns of tools that change nothing, by your word: what a server says of its own tools proves nothing. A call
    of theirs that failed on the way is made again; no other is."""

    writes: tuple[str, ...] = ()
    """Patterns of tools whose effect can be undone. What is neither in `reads` nor here counts as irreversible."""

    sensitive: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Tool to which of its arguments hold what kind of sensitive data. Whoever approves a call of another tool sees no
    values."""

    timeout: timedelta = timedelta(seconds=30)
    """How long one call may take, connecting included."""

    keep: timedelta = timedelta(minutes=1)
    """How long a connection is kept for the next call, of whichever run of the worker. Zero: each call has one of its
    own, as a server needs that remembers what it was told."""

    max_tools: int = 64
    """Tools that are offered at most; a server that has more has the rest left out."""

    max_result_characters: int = 20_000
    """The length of a result from which only the beginning is kept."""

    required: bool = False
    """Whether a run ends when the server cannot be reached as it starts. Otherwise it goes on without the tools, and
    the model is told."""

    def __post_init__(self) -> None:
        """Check what can be checked without reaching it."""
        fault = self._fault() or self.reached.fault()
        if fault:
            raise McpConfigurationError(f"MCP server {self.name!r} {fault}")

    @property
    def service(self) -> str:
        """What it is called in records, questions and patterns of policies: `mcp-<name>`."""
        return f"{PREFIX}{self.name}"

    def allows(self, tool: str) -> bool:
        """Tell whether a tool of the server may be called."""
        return _matches(tool, self.allow) and not _matches(tool, self.block)

    def effect(self, tool: str) -> Effect:
        """Return what a tool changes, at most."""
        if _matches(tool, self.reads):
            return "read"
        return "write" if _matches(tool, self.writes) else "irreversible"

    def _fault(self) -> str | None:
        if not _NAME.fullmatch(self.name):
            return "cannot be called that; use lower-case letters, digits and '-', a letter first, 30 at most"
        if not self.allow:
            return "allows no tool; name patterns in `allow`, ('*',) for all"
        if self.timeout <= timedelta(0):
            return f"has timeout {self.timeout.total_seconds():g} s; give it some time"
        if self.keep < timedelta(0):
            return f"keeps connections for {self.keep.total_seconds():g} s; zero is the least"
        if self.max_tools < 1 or self.max_result_characters < 100:
            return "has limits that let nothing through; `max_tools` is 1 at least, `max_result_characters` 100"
        return None


def address_fault(url: str) -> str | None:
    """Say what is wrong with an address, without repeating it: it may hold what nobody should read."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "has an address that cannot be read"
    if parts.scheme not in ("http", "https") or not host:
        return "has an address that is none; write http://… or https://…"
    if parts.username is not None or parts.password is not None:
        return "has a name or a password in its address; give them as a header, by the name of a variable"
    return None


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _variable_fault(names: tuple[str, ...]) -> str | None:
    # Somebody wrote a secret where its name belongs: do not repeat it.
    if any(not _VARIABLE.fullmatch(name) for name in names):
        return "wants an environment variable whose name is none; give names of variables, never their values"
    return None
