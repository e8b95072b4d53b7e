"""Reading what a team says of a build, and refusing what cannot be kept."""

import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from callboard_registry.documents import LARGEST
from callboard_registry.refusals import Refusal
from callboard_registry_api.builds import AgentFingerprint

MOST_AGENTS: Final = 200
"""Agents of one build."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_DIGEST: Final = r"sha256:[0-9a-f]{64}"

_Short = Annotated[str, StringConstraints(min_length=1, max_length=128)]
_Path = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class _Agent(BaseModel):
    model_config = ConfigDict(extra="ignore")

    agent: _Short
    digest: Annotated[str, StringConstraints(pattern=f"^{_DIGEST}$")]
    fields: dict[_Path, Annotated[str, StringConstraints(pattern="^[0-9a-f]{8,64}$")]] = Field(max_length=5000)


class _Build(BaseModel):
    model_config = ConfigDict(extra="ignore")

    build: str
    agents: Annotated[list[_Agent], Field(max_length=MOST_AGENTS)]


def read_build(document: bytes) -> tuple[str, tuple[AgentFingerprint, ...]]:
    """Return the build's name and the fingerprints of its agents.

    Raises:
        Refusal: The document says something else.
    """
    if len(document) > LARGEST:
        raise Refusal("invalid", "document", f"document has {len(document)} bytes; at most {LARGEST} are taken")
    try:
        read = _Build.model_validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["document", *map(str, first["loc"])])
        raise Refusal("invalid", where, f"{where} cannot be used: {first['msg'].lower()}") from error
    require_build(read.build, "document.build")
    return read.build, tuple(AgentFingerprint(each.agent, each.digest, each.fields) for each in read.agents)


def require_build(name: str, field: str) -> None:
    """Refuse what can be no build's name.

    Raises:
        Refusal: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise Refusal("invalid", field, f"{name!r} is no build; use 1 to 128 letters, digits, '.', '_', '+' and '-'")
