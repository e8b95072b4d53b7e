"""What the registry is told by its environment, read once when it starts."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from callboard_kit.settings import Settings as MemberSettings
from callboard_kit.settings import SettingsError
from callboard_registry.encryption import Encryption
from callboard_registry.gate.levels import Levels
from callboard_registry.signin.configuration import ConsoleSettings
from callboard_registry.watching import Retention

if TYPE_CHECKING:
    from limits import RateLimitItem

DEFAULT_GRPC: Final = "127.0.0.1:7480"
DEFAULT_HTTP: Final = "127.0.0.1:7481"
ADMINISTRATOR_TOKEN_FILE: Final = "registry-admin-token"  # the file's name, no secret


@dataclass(frozen=True)
class Address:
    """Where one of the two servers listens. Port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it the way it is read."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Settings:
    """Where the registry listens and keeps what it holds."""

    database: str = field(repr=False)
    """SQLAlchemy URL of a SQLite file or a PostgreSQL database (`CALLBOARD_REGISTRY_DATABASE`); by default the file
    `registry.db` in the home."""

    grpc: Address
    """Where gRPC is served (`CALLBOARD_REGISTRY_GRPC`)."""

    http: Address
    """Where HTTP is served (`CALLBOARD_REGISTRY_HTTP`)."""

    administrator_token: str = field(repr=False)
    """What the administrator shows (`CALLBOARD_REGISTRY_ADMIN_TOKEN`, or the file `registry-admin-token` in the home,
    which is made when there is neither)."""

    approvers: tuple[str, ...] = ()
    """Teams that may approve what other teams publish (`CALLBOARD_REGISTRY_APPROVERS`, names with commas between)."""

    approved_when_compatible: tuple[str, ...] = ()
    """Teams whose compatible revisions need no person to approve them, or `*`
    (`CALLBOARD_REGISTRY_APPROVE_COMPATIBLE`, names with commas between)."""

    limit: "RateLimitItem | None" = None
    """How often one client may ask (`CALLBOARD_REGISTRY_LIMIT`, as in `200 per 2 seconds`: 200 at once, 100 a second in
    the long run). None: as often as it likes."""

    reading_needs_token: bool = False
    """Whether reading needs a token too (`CALLBOARD_REGISTRY_READING`, `open` or `token`)."""

    encryption: Encryption | None = None
    """What both servers encrypt with (`CALLBOARD_REGISTRY_TLS_CERTIFICATE` and its neighbours). None: they do not."""

    levels: Levels = field(default_factory=Levels)
    """With which revisions in force a new one is compared (`CALLBOARD_REGISTRY_COMPATIBILITY`)."""

    watchers: int = 1000
    """How many may watch changes at a time (`CALLBOARD_REGISTRY_WATCHERS`); one address may have a tenth of that."""

    retention: Retention = field(default_factory=Retention)
    """Which changes are kept for who watches (`CALLBOARD_REGISTRY_CHANGES_DAYS`, `CALLBOARD_REGISTRY_CHANGES_MOST`)."""

    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    """Who gets into the console, and what it works with (`CALLBOARD_CONSOLE_…`)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables that start with `CALLBOARD_`.

        Raises:
            SettingsError: A variable cannot be used as it is.
            OSError: The home cannot be made, or the administrator token's file in it neither read nor made.
        """
        variables = os.environ if environment is None else environment
        home = MemberSettings.from_environment(variables).home
        home.mkdir(parents=True, exist_ok=True)
        console = ConsoleSettings.from_environment(variables)
        return cls(
            database=database_url(variables, home=home),
            grpc=_address(variables, "CALLBOARD_REGISTRY_GRPC", DEFAULT_GRPC),
            http=_address(variables, "CALLBOARD_REGISTRY_HTTP", DEFAULT_HTTP),
            administrator_token=variables.get("CALLBOARD_REGISTRY_ADMIN_TOKEN")
            or _token_in(home / ADMINISTRATOR_TOKEN_FILE),
            approved_when_compatible=_names(variables.get("CALLBOARD_REGISTRY_APPROVE_COMPATIBLE", "")),
            levels=_levels(variables.get("CALLBOARD_REGISTRY_COMPATIBILITY", "")),
            approvers=_names(variables.get("CALLBOARD_REGISTRY_APPROVERS", "")),
            limit=_limit(variables.get("CALLBOARD_REGISTRY_LIMIT", "")),
            # Where people sign in, what they see is not to be had without signing in at the next port.
            reading_needs_token=_reading(
                variables.get("CALLBOARD_REGISTRY_READING") or ("token" if console.provider else "open")
            ),
            watchers=_number(variables, "CALLBOARD_REGISTRY_WATCHERS") or 1000,
            retention=_retention(variables),
            encryption=Encryption.from_environment(variables),
            console=console,
        )


def _address(variables: Mapping[str, str], name: str, default: str) -> Address:
    text = variables.get(name) or default
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{name} is {text!r}; it must be host:port, as in {default!r}")
    return Address(host, int(port))


def _limit(text: str) -> "RateLimitItem | None":
    if not text.strip():
        return None
    from limits import parse

    try:
        limit = parse(text)
    except ValueError:
        limit = None
    if limit is None or limit.amount < 1:
        raise SettingsError(
            f"CALLBOARD_REGISTRY_LIMIT is {text!r}; it must say how many in what time, as in '200 per 2 seconds'"
        )
    return limit


def _number(variables: Mapping[str, str], name: str) -> int | None:
    text = variables.get(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) < 10**9:
        raise SettingsError(f"{name} is {text!r}; it must be a whole number from 1 on")
    return int(text)


def _retention(variables: Mapping[str, str]) -> Retention:
    days = _number(variables, "CALLBOARD_REGISTRY_CHANGES_DAYS")
    most = _number(variables, "CALLBOARD_REGISTRY_CHANGES_MOST")
    return Retention(age=None if days is None else timedelta(days=min(days, 36_500)), number=most)


def _reading(text: str) -> bool:
    if text not in ("open", "token"):
        raise SettingsError(f"CALLBOARD_REGISTRY_READING is {text!r}; it must be 'open' or 'token'")
    return text == "token"


def _levels(text: str) -> Levels:
    try:
        return Levels.read(text)
    except ValueError as error:
        raise SettingsError(
            f"CALLBOARD_REGISTRY_COMPATIBILITY is {text!r}: {error}; write it like 'last' or 'last,orders=all+strict'"
        ) from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def database_url(variables: Mapping[str, str], *, home: Path) -> str:
    """Return where the registry keeps what it holds.

    Raises:
        SettingsError: The variable names no database that can be used.
    """
    database = variables.get("CALLBOARD_REGISTRY_DATABASE") or f"sqlite:///{(home / 'registry.db').absolute()}"
    _require_database(database)
    return database


def shown(database: str) -> str:
    """Return a database's URL as it may be logged: without the password."""
    return make_url(database).render_as_string(hide_password=True)


def _require_database(database: str) -> None:
    try:
        url = make_url(database)
    except ArgumentError as error:
        raise SettingsError(
            "CALLBOARD_REGISTRY_DATABASE is no SQLAlchemy URL; use one like 'sqlite:////var/lib/callboard/registry.db'"
        ) from error
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database not in (None, "", ":memory:"):
        return
    if backend == "postgresql" and url.database:
        return
    raise SettingsError(
        f"CALLBOARD_REGISTRY_DATABASE is {shown(database)!r}; the registry keeps its data in a SQLite file or in "
        "PostgreSQL, use 'sqlite:////path/to/registry.db' or 'postgresql://user@host/database'"
    )


def _token_in(path: Path) -> str:
    try:
        # Created with its mode, not changed afterwards: at no moment can others read it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        token = path.read_text().strip()
        if not token:
            raise SettingsError(
                f"{str(path)!r} is empty; write the administrator's token into it or delete it"
            ) from None
        return token
    token = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    return token
