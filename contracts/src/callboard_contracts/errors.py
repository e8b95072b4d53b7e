"""How work fails here, and what the caller is told.

    MeshError
    ├── RefusedError       wrong as sent; sending it again will not help
    └── UnavailableError   right as sent; sending it again may help

Only the class name and the message cross a namespace. Whatever else an exception
holds stays in the logs of the team that raised it, so say in the message what
the caller can do, and never what the caller may not know.
"""


class MeshError(Exception):
    """Anything an operation may tell its caller about not having worked."""


class RefusedError(MeshError):
    """Wrong as sent: the same request will be refused again."""


class UnavailableError(MeshError):
    """Right as sent: the same request may work later, as far as the operation's promise allows repeating it."""
