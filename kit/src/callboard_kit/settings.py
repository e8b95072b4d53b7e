"""What a process is told by its environment, read once at its entry point."""

import logging
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

DefaultT = TypeVar("DefaultT", bool, None)

DEV: Final = "dev"
"""The profile of a laptop: a worker publishes what it serves when it starts."""

STRICT: Final = "strict"
"""The profile whose policies are tighter than the examples' own."""


PUBLISHING: Final = frozenset({DEV, STRICT})
"""The profiles on which a worker publishes what it serves."""


CANARY: Final = "-canary"
"""What the endpoint, the task queue and the deployment for canaries of a team's handlers are called after the team. No
team's own name can end so: it has no hyphen."""


_INSTANCE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class SettingsError(ValueError):
    """A variable that is missing or cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """Where this process finds its home, its registry, its key and its model."""

    home: Path = Path(".callboard")
    """The folder for keys, stores, logs and caches (`CALLBOARD_HOME`)."""

    profile: str = "production"
    """`dev` publishes at start; any other profile serves only what the registry holds (`CALLBOARD_PROFILE`)."""

    registry_address: str | None = None
    """`host:port` of the registry's gRPC API (`CALLBOARD_REGISTRY`). None: cached keys and policies only."""

    registry_roots: str | None = None
    """Who must have signed the certificate of a registry that encrypts (`CALLBOARD_REGISTRY_ROOTS`): a file in PEM, or
    `system` for whom gRPC trusts by itself. None: the registry does not encrypt."""

    registry_certificate: Path | None = None
    """What this process proves itself with where the registry asks for that (`CALLBOARD_REGISTRY_CERTIFICATE`): a file
    in PEM."""

    registry_certificate_key: Path | None = None
    """The private key of that certificate (`CALLBOARD_REGISTRY_CERTIFICATE_KEY`), a file in PEM."""

    redis_url: str | None = None
    """Where live events go (`CALLBOARD_REDIS_URL`). None: no live events."""

    name_pattern: str = "{team}"
    """How a logical name becomes a physical one, `{environment}-{team}` for instance (`CALLBOARD_NAMES`)."""

    namespace_pattern: str | None = None
    """How a team's name becomes its namespace's, where that follows another rule (`CALLBOARD_NAMESPACES`): on Temporal
    Cloud `{team}.a1b2c`, with the account at the end, which no endpoint has. None: as `name_pattern` says."""

    key_file: Path | None = None
    """The team's private key (`CALLBOARD_KEY_FILE`). None: `keys/<team>.pem` in the home."""

    patience: timedelta = timedelta(seconds=60)
    """How long a worker that starts waits for Temporal and for the registry (`CALLBOARD_PATIENCE`, in seconds)."""

    heartbeat: timedelta = timedelta(seconds=10)
    """How often a worker tells the registry that it is there (`CALLBOARD_HEARTBEAT`, in seconds)."""

    longest_age: timedelta = timedelta(seconds=30)
    """How old what a worker knows of keys, policies and states may grow before it asks the registry again, and so how
    soon a revocation is in force everywhere (`CALLBOARD_LONGEST_AGE`, in seconds)."""

    budgets_every: timedelta = timedelta(seconds=10)
    """How often a worker tells the registry what its models took of the team's budgets, and how long it believes that
    there is none (`CALLBOARD_BUDGETS_EVERY`, in seconds)."""

    log_level: str = "INFO"
    """From which level on a worker logs (`CALLBOARD_LOG`)."""

    locks: bool = True
    """Whether operations with effects take turns on the entities they act on (`CALLBOARD_LOCKS`, `on` or `off`)."""

    versioned: bool = True
    """Whether a worker says which build it is, so that a rollout can tell builds apart (`CALLBOARD_VERSIONING`, `on` or
    `off`)."""

    takes_over: bool | None = None
    """Whether a worker's build gets all new work as soon as it is there (`CALLBOARD_TAKEOVER`, `on` or `off`). None: on
    the profiles on which a worker publishes what it serves; elsewhere `callboard rollout` gives it work."""

    canary: bool = False
    """Whether a worker serves the endpoint `<team>-canary` instead of the team's own (`CALLBOARD_CANARY`, `on` or
    `off`)."""

    instance: str | None = None
    """Which copy of the team's worker this is, with the task queue `<team>-<instance>` to itself; or which one a client
    wants its runs on (`CALLBOARD_INSTANCE`). None: none in particular."""

    store: str | None = None
    """SQLAlchemy URL of the team's store (`CALLBOARD_STORE`). None: a SQLite file in the home."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables that start with `CALLBOARD_`.

        Raises:
            SettingsError: A variable cannot be used as it is.
        """
        variables = os.environ if environment is None else environment
        return cls(
            home=Path(variables.get("CALLBOARD_HOME", ".callboard")),
            profile=variables.get("CALLBOARD_PROFILE", "production"),
            registry_address=variables.get("CALLBOARD_REGISTRY") or None,
            registry_roots=variables.get("CALLBOARD_REGISTRY_ROOTS") or None,
            registry_certificate=_file(variables, "CALLBOARD_REGISTRY_CERTIFICATE"),
            registry_certificate_key=_file(variables, "CALLBOARD_REGISTRY_CERTIFICATE_KEY"),
            redis_url=variables.get("CALLBOARD_REDIS_URL") or None,
            name_pattern=_pattern(variables, "CALLBOARD_NAMES") or "{team}",
            namespace_pattern=_pattern(variables, "CALLBOARD_NAMESPACES"),
            key_file=_file(variables, "CALLBOARD_KEY_FILE"),
            patience=seconds_of(variables, "CALLBOARD_PATIENCE", "60"),
            longest_age=seconds_of(variables, "CALLBOARD_LONGEST_AGE", "30", least=0.5, most=3600),
            budgets_every=seconds_of(variables, "CALLBOARD_BUDGETS_EVERY", "10", least=0.1, most=240),
            heartbeat=seconds_of(variables, "CALLBOARD_HEARTBEAT", "10", least=0.1, most=3600),
            log_level=_log_level(variables.get("CALLBOARD_LOG") or "INFO"),
            locks=_switch(variables, "CALLBOARD_LOCKS", default=True),
            versioned=_switch(variables, "CALLBOARD_VERSIONING", default=True),
            takes_over=_switch(variables, "CALLBOARD_TAKEOVER", default=None),
            canary=_switch(variables, "CALLBOARD_CANARY", default=False),
            instance=_instance(variables),
            store=variables.get("CALLBOARD_STORE") or None,
        )

    def physical(self, logical: str) -> str:
        """Return the physical endpoint or task queue of a logical name: a team's, or that with `CANARY` at its end."""
        team = logical.removesuffix(CANARY)
        return self.name_pattern.replace("{team}", team) + logical.removeprefix(team)

    def namespace(self, team: str) -> str:
        """Return the physical namespace of a team."""
        return (self.namespace_pattern or self.name_pattern).replace("{team}", team)

    def endpoints(self, team: str) -> frozenset[str]:
        """Return the physical endpoints that lead to a team: its own, and the one for canaries of its handlers."""
        return frozenset(self.physical(logical) for logical in (team, team + CANARY))

    def logical_endpoint(self, team: str, physical: str) -> str | None:
        """Return which of a team's endpoints has this physical name; None when it is none of them."""
        return next((logical for logical in (team, team + CANARY) if self.physical(logical) == physical), None)

    def task_queue(self, team: str) -> str:
        """Return the physical task queue that a worker of `team` works on, as these settings have it."""
        return self.physical(self.deployment(team))

    def deployment(self, team: str) -> str:
        """Return what a worker of `team` is deployed as: the team, its canary, or a copy with work of its own."""
        return team + CANARY if self.canary else instance_of(team, self.instance)

    def queue_for(self, team: str, instance: str | None = None) -> str:
        """Return the physical task queue for runs that a client starts: of a copy, where one is named here or there."""
        return self.physical(instance_of(team, instance or self.instance))

    def takes_over_at_once(self) -> bool:
        """Return whether a worker's build gets all new work as soon as it is there."""
        return self.profile in PUBLISHING if self.takes_over is None else self.takes_over

    def redis_for(self, user: str) -> str | None:
        """Return where Redis is and how `user` (a team, or the gateway) is let in; None where there is none.

        A URL that names a user, or a secret, is taken as it is. One that names none gets the user's own, where
        `redis/<user>.secret` lies in the home.
        """
        if self.redis_url is None or "@" in self.redis_url:
            return self.redis_url
        try:
            secret = (self.home / "redis" / f"{user}.secret").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return self.redis_url
        scheme, _, rest = self.redis_url.partition("://")
        return f"{scheme}://{user}:{secret}@{rest}"

    def key_path(self, team: str) -> Path:
        """Return where the team's private key lies."""
        return self.key_file or self.home / "keys" / f"{team}.pem"

    def store_url(self, team: str) -> str:
        """Return the SQLAlchemy URL of the team's store."""
        return self.store or f"sqlite:///{(self.home / 'stores' / f'{team}.db').absolute()}"


def instance_of(team: str, instance: str | None) -> str:
    """Return the logical name of the queue that one copy of a team's worker has for itself; of the team without one.

    Raises:
        SettingsError: It can be no copy's name.
    """
    if instance is None:
        return team
    if not _INSTANCE.fullmatch(instance) or f"-{instance}" == CANARY:
        raise SettingsError(
            f"{instance!r} can be no copy's name; use up to 40 lower-case letters, digits and '-', and not 'canary'"
        )
    return f"{team}-{instance}"


def _instance(variables: Mapping[str, str]) -> str | None:
    instance = variables.get("CALLBOARD_INSTANCE") or None
    _ = instance_of("team", instance)
    if instance and variables.get("CALLBOARD_CANARY") == "on":
        raise SettingsError("CALLBOARD_INSTANCE and CALLBOARD_CANARY=on exclude each other; unset one of them")
    return instance


def _file(variables: Mapping[str, str], name: str) -> Path | None:
    return Path(variables[name]) if variables.get(name) else None


def _pattern(variables: Mapping[str, str], name: str) -> str | None:
    pattern = variables.get(name)
    if pattern is None or "{team}" in pattern:
        return pattern
    raise SettingsError(f"{name} is {pattern!r}; it must hold '{{team}}', as in 'staging-{{team}}'")


def seconds_of(
    variables: Mapping[str, str], name: str, default: str, *, least: float = 0, most: float = 86_400
) -> timedelta:
    """Return how long a variable says that something takes, or may take.

    Raises:
        SettingsError: It is no number of seconds, or one beyond its bounds.
    """
    text = variables.get(name) or default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not least <= seconds <= most:
        raise SettingsError(f"{name} is {text!r}; it must be a number of seconds, {least:g} to {most:g}")
    return timedelta(seconds=seconds)


def _switch(variables: Mapping[str, str], name: str, *, default: DefaultT) -> bool | DefaultT:
    text = variables.get(name)
    if not text:
        return default
    if text not in ("on", "off"):
        raise SettingsError(f"{name} is {text!r}; use on or off")
    return text == "on"


def _log_level(text: str) -> str:
    level = text.upper()
    if level not in logging.getLevelNamesMapping():
        raise SettingsError(f"CALLBOARD_LOG is {text!r}; use DEBUG, INFO, WARNING or ERROR")
    return level
