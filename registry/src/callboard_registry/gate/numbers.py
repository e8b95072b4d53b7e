"""The number of a revision: the service's version, its compatible changes, its changes of words."""


def numbered(service: str, minor: int, patch: int = 0) -> str:
    """Return the number of a revision, `1.2.0` for the third of `orders.v1` that was approved."""
    return f"{_version(service)}.{minor}.{patch}"


def next_service(service: str) -> str:
    """Return the name under which what breaks callers may be published, `orders.v2` for `orders.v1`."""
    return f"{service.rpartition('.')[0]}.v{_version(service) + 1}"


def _version(service: str) -> int:
    return int(service.rpartition(".v")[2])
