"""What the console is told by the environment, read once when the registry starts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from callboard_kit.settings import PUBLISHING, SettingsError
from callboard_kit.settings import Settings as MemberSettings

GRANTS_FILE: Final = "console.toml"
"""The file in the home that says who may do what."""


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """An OpenID Connect provider, and who we are to it."""

    issuer: str
    """Its name, an https address (`CALLBOARD_CONSOLE_OIDC_ISSUER`)."""

    client: str
    """Our name there (`CALLBOARD_CONSOLE_OIDC_CLIENT`)."""

    secret: str = field(default="", repr=False)
    """Our secret there (`CALLBOARD_CONSOLE_OIDC_SECRET`). Empty: we have none, and PKCE alone has to do."""

    scopes: str = "openid profile email"
    """What is asked for (`CALLBOARD_CONSOLE_OIDC_SCOPES`)."""

    name_claim: str = "email"
    """The claim that names a person (`CALLBOARD_CONSOLE_OIDC_NAME`). An address must be a verified one."""

    groups_claim: str = "groups"
    """The claim with their groups (`CALLBOARD_CONSOLE_OIDC_GROUPS`)."""


@dataclass(frozen=True, kw_only=True)
class ConsoleSettings:
    """Where the console is, who gets in, and what it works with."""

    url: str = ""
    """Where browsers find it (`CALLBOARD_CONSOLE_URL`), without a path. Empty: where the registry listens."""

    public: bool = False
    """Whether the catalog is shown to everybody (`CALLBOARD_CONSOLE_PUBLIC`, `nothing` or `catalog`)."""

    grants: Path | None = None
    """Who may do what (`CALLBOARD_CONSOLE_ROLES`; by default `console.toml` in the home)."""

    idle: timedelta = timedelta(hours=1)
    """After how long without use a session is over (`CALLBOARD_CONSOLE_IDLE`, in minutes)."""

    longest: timedelta = timedelta(hours=12)
    """How long a session lasts at most (`CALLBOARD_CONSOLE_LONGEST`, in hours)."""

    provider: ProviderSettings | None = None
    """Who vouches for persons. None: only links of the administrator's sign in."""

    gateway: str = ""
    """Where the gateway is, which carries questions and answers (`CALLBOARD_CONSOLE_GATEWAY`)."""

    temporal_ui: str = ""
    """Where Temporal's own pages are (`CALLBOARD_CONSOLE_TEMPORAL_UI`), which runs lead to. Empty: commands lead."""

    callers: tuple[str, ...] = ()
    """Teams as which operations may be tried, or `*` (`CALLBOARD_CONSOLE_CALLERS`)."""

    member: MemberSettings = field(default_factory=MemberSettings)
    """How this process takes part in the mesh: where keys lie, how names are made."""

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by TLS only."""
        return self.url.startswith("https://")

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "ConsoleSettings":
        """Read the variables that start with `CALLBOARD_CONSOLE_`.

        Raises:
            SettingsError: A variable cannot be used as it is.
        """
        member = MemberSettings.from_environment(variables)
        url = _origin(variables, "CALLBOARD_CONSOLE_URL")
        gateway = variables.get("CALLBOARD_GATEWAY", "")
        roles = variables.get("CALLBOARD_CONSOLE_ROLES")
        callers = variables.get("CALLBOARD_CONSOLE_CALLERS")
        if callers is None:
            # On a laptop every key lies at hand; elsewhere a key is at hand only where somebody put it.
            callers = "*" if member.profile in PUBLISHING else ""
        return cls(
            url=url,
            public=_choice(variables, "CALLBOARD_CONSOLE_PUBLIC", ("nothing", "catalog")) == "catalog",
            grants=Path(roles) if roles else member.home / GRANTS_FILE,
            idle=timedelta(minutes=_amount(variables, "CALLBOARD_CONSOLE_IDLE", 60, most=7 * 24 * 60)),
            longest=timedelta(hours=_amount(variables, "CALLBOARD_CONSOLE_LONGEST", 12, most=31 * 24)),
            provider=_provider(variables, url),
            gateway=_origin(variables, "CALLBOARD_CONSOLE_GATEWAY") or (f"http://{gateway}" if gateway else ""),
            temporal_ui=_origin(variables, "CALLBOARD_CONSOLE_TEMPORAL_UI"),
            callers=tuple(name.strip() for name in callers.split(",") if name.strip()),
            member=member,
        )


def _provider(variables: Mapping[str, str], url: str) -> ProviderSettings | None:
    issuer = variables.get("CALLBOARD_CONSOLE_OIDC_ISSUER")
    client = variables.get("CALLBOARD_CONSOLE_OIDC_CLIENT")
    if not issuer and not client:
        return None
    if not issuer or not client:
        missing = "CLIENT" if issuer else "ISSUER"
        raise SettingsError(
            f"CALLBOARD_CONSOLE_OIDC_{missing} is not set; signing in needs an issuer and our name there, set both"
        )
    if not url:
        raise SettingsError(
            "CALLBOARD_CONSOLE_URL is not set; the identity provider sends browsers back there, as in"
            " 'https://callboard.example.com'"
        )
    _require_confidential(issuer, "CALLBOARD_CONSOLE_OIDC_ISSUER")
    _require_confidential(url, "CALLBOARD_CONSOLE_URL")
    return ProviderSettings(
        issuer=issuer,
        client=client,
        secret=variables.get("CALLBOARD_CONSOLE_OIDC_SECRET", ""),
        scopes=variables.get("CALLBOARD_CONSOLE_OIDC_SCOPES") or ProviderSettings.scopes,
        name_claim=variables.get("CALLBOARD_CONSOLE_OIDC_NAME") or ProviderSettings.name_claim,
        groups_claim=variables.get("CALLBOARD_CONSOLE_OIDC_GROUPS") or ProviderSettings.groups_claim,
    )


def _require_confidential(address: str, variable: str) -> None:
    parts = urlsplit(address)
    own = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and own):
        raise SettingsError(f"{variable} is {address!r}; it must start with https:// unless it is this machine")


def _origin(variables: Mapping[str, str], name: str) -> str:
    text = variables.get(name, "").rstrip("/")
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
        raise SettingsError(f"{name} is {text!r}; it must be an address without a path, as in 'https://example.com'")
    return text


def _choice(variables: Mapping[str, str], name: str, among: tuple[str, ...]) -> str:
    text = variables.get(name) or among[0]
    if text not in among:
        raise SettingsError(f"{name} is {text!r}; it must be {' or '.join(map(repr, among))}")
    return text


def _amount(variables: Mapping[str, str], name: str, default: float, *, most: float) -> float:
    text = variables.get(name)
    if not text:
        return default
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0 < amount <= most:
        raise SettingsError(f"{name} is {text!r}; it must be a number above 0, up to {most:g}")
    return amount
