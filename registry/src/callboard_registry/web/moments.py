"""How the HTTP side writes times."""

from datetime import datetime


def moment(when: datetime) -> str:
    """Write a time as RFC 3339 does, in UTC."""
    return when.isoformat().replace("+00:00", "Z")
