"""How a call to the registry fails.

RegistryError
├── RegistryUnavailableError   right as sent; sending it again may help
└── RegistryRefusedError       wrong as sent, or not allowed
    └── RegistryNotFoundError  what was asked for is not there
"""


class RegistryError(Exception):
    """Anything that keeps the registry from answering."""


class RegistryUnavailableError(RegistryError):
    """The registry could not be reached, or did not answer in time."""


class RegistryRefusedError(RegistryError):
    """The registry said no, and why."""

    def __init__(self, *, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        """The part of the request at fault, e.g. `document.operations[0].name`; empty when it is none in particular."""
        self.message = message


class RegistryNotFoundError(RegistryRefusedError):
    """The registry holds nothing by that name."""
