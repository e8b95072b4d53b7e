"""Which services there are contracts for: one for each module `callboard_contracts.<team>.v<N>`."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Final

import nexusrpc

_PACKAGE: Final = "callboard_contracts"
_VERSION: Final = re.compile(r"v[1-9][0-9]*")
_WIRE_NAME: Final = re.compile(r"([a-z][a-z0-9_]*)\.(v[1-9][0-9]*)")


class _Services(Mapping[str, type]):
    """Every service class by its wire name. A module is imported when it is first asked for."""

    def __getitem__(self, name: str) -> type:
        parts = _WIRE_NAME.fullmatch(name)
        if parts is None:
            raise KeyError(name)
        path = f"{_PACKAGE}.{parts[1]}.{parts[2]}"
        try:
            module = importlib.import_module(path)
        except ModuleNotFoundError as error:
            # Only "there is no such contract" is a missing key; a contract that cannot be imported is a defect.
            if error.name not in (path, f"{_PACKAGE}.{parts[1]}"):
                raise
            raise KeyError(name) from None
        for value in vars(module).values():
            definition = nexusrpc.get_service_definition(value) if isinstance(value, type) else None
            if definition is not None and definition.name == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        package = importlib.import_module(_PACKAGE)
        for team in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
            if not team.ispkg:
                continue
            versions = pkgutil.iter_modules([f"{path}/{team.name}" for path in package.__path__])
            for version in sorted((found.name for found in versions if _VERSION.fullmatch(found.name)), key=_number):
                yield f"{team.name}.{version}"

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _number(version: str) -> int:
    return int(version[1:])


services: Final[Mapping[str, type]] = _Services()
"""Every service class by its wire name, for instance `services["orders.v1"]`; sorted by team, then version."""


def service_named(name: str) -> type:
    """The service class with this wire name, for instance `orders.v1`.

    Raises:
        LookupError: There is no contract for it; the message names those that there are.
    """
    try:
        return services[name]
    except KeyError:
        raise LookupError(f"no contract for service {name!r}; there are {', '.join(services)}") from None
